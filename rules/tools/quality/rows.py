"""The table of checkers: what a verdict of each depends on, its command, and its findings."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from quality import findings
from quality.findings import Finding
from quality.plan import Files, Plan
from quality.scratch import PYTHON, Ran
from quality.sources import Sees

_SEES_ALL = r"follow_imports|follow-imports|no-unused-modules"
_MAY_READ_BODIES = r"(?m)^\s*plugins\b|local.partial.types|allow.redefinition"
Command = Callable[[Plan, list[str], Path], list[str]]
"""The command for a plan and some files; the scratch folder has them and what they import."""


@dataclass(frozen=True)
class Row:
    """A checker.

    `units` are patterns of the names of the files that have a verdict of their own. `sees` is what
    such a verdict depends on. Exit codes in `judged` mean that the files were checked.
    """

    tool: str
    language: Literal["python", "script"]
    sees: Sees
    command: Command
    findings: Callable[[Ran, Plan, Path], list[Finding]]
    units: tuple[str, ...] = ("*",)
    judged: tuple[int, ...] = (0, 1)

    def is_unit(self, path: str, files: Files) -> bool:
        """True if a source has a verdict of its own."""
        name, units = path.rpartition("/")[2], self.units
        if self.tool == "tsc" and not re.search(r"allowJs|checkJs", settings_text(files)):
            units = TYPED
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in units)

    def sees_here(self, files: Files) -> Sees:
        """Return what a verdict depends on with the settings of this gate."""
        text = settings_text(files)
        if re.search(_SEES_ALL, text):
            return "all"
        if self.tool == "mypy" and (re.search(_MAY_READ_BODIES, text) or not _has_mypy_2()):
            return "closure"
        return self.sees


def settings_text(files: Files) -> str:
    """The file of settings and the arguments as one text."""
    config = files.plan.config
    text = files.read(config).decode("utf-8", "replace") if config else ""
    return "\n".join((text, *files.plan.args))


def _has_mypy_2() -> bool:
    """True if names of modules and classes get no types from functions (local_partial_types)."""
    return int(metadata.version("mypy").partition(".")[0]) >= 2


def _mypy(plan: Plan, paths: list[str], work: Path) -> list[str]:
    config = ("--config-file", plan.config) if plan.config else ("--config-file", "")
    options = ["--output", "json", "--no-error-summary"]
    if not re.search(_SEES_ALL, (work / plan.config).read_text() if plan.config else ""):
        options += ["--follow-imports", "silent"]
    cache = ("--cache-dir", str(work.parent / "cache"), "--no-sqlite-cache")
    return [*PYTHON, "-m", "mypy", *config, *plan.args, *options, *cache, "--", *paths]


def _flake8(plan: Plan, paths: list[str], work: Path) -> list[str]:
    config = ("--config", plan.config) if plan.config else ()
    return [*PYTHON, "-m", "flake8", *config, *plan.args, "--", *paths]


def _tsc(plan: Plan, paths: list[str], work: Path) -> list[str]:
    """Write a project beside the user's that extends it and has exactly these files."""
    project = work / plan.config.rpartition("/")[0] / "tsconfig.of-this-gate.json"
    options = {"noEmit": True, "composite": False, "incremental": False, "tsBuildInfoFile": None}
    files = [str(work / path) for path in paths]
    document = {
        "extends": f"./{plan.config.rpartition('/')[2]}",
        "compilerOptions": options,
        "files": files,
        "include": [],
    }
    project.write_text(json.dumps(document), encoding="utf-8")
    name = str(project.relative_to(work))
    return ["node", "node_modules/typescript/bin/tsc", "-p", name, "--pretty", "false", *plan.args]


def _eslint(plan: Plan, paths: list[str], work: Path) -> list[str]:
    config = ("--config", plan.config) if plan.config else ()
    script = "node_modules/eslint/bin/eslint.js"
    return ["node", script, "--format", "json", *config, *plan.args, "--", *paths]


def _jest(plan: Plan, paths: list[str], work: Path) -> list[str]:
    config = ("--config", plan.config) if plan.config else ()
    cache = ("--cacheDirectory", str(work.parent / "cache"), "--watchman=false")
    report = ("--json", "--outputFile", str(work.parent / "jest.json"), "--testLocationInResults")
    script = "node_modules/jest/bin/jest.js"
    return [
        "node",
        script,
        "--ci",
        *config,
        *plan.args,
        *cache,
        *report,
        "--runTestsByPath",
        *paths,
    ]


def _jest_findings(ran: Ran, plan: Plan, work: Path) -> list[Finding]:
    report = work.parent / "jest.json"
    if not report.exists():
        return []
    return findings.from_jest(report.read_text(encoding="utf-8"), str(work))[0]


def _eslint_findings(ran: Ran, plan: Plan, work: Path) -> list[Finding]:
    if ran.code > 1:
        return []
    return findings.from_eslint(ran.out, str(work), any("max-warnings" in a for a in plan.args))


TYPED = ("*.ts", "*.tsx", "*.mts", "*.cts")
SCRIPTS = (*TYPED, "*.js", "*.jsx", "*.mjs", "*.cjs")
TESTS = tuple(f"*.{kind}{pattern[1:]}" for kind in ("test", "spec") for pattern in SCRIPTS)
ROWS = {
    row.tool: row
    for row in (
        Row(
            "mypy",
            "python",
            "interfaces",
            _mypy,
            lambda ran, plan, work: findings.from_mypy(ran.out),
            ("*.py", "*.pyi"),
        ),
        Row(
            "flake8",
            "python",
            "file",
            _flake8,
            lambda ran, plan, work: findings.from_flake8(ran.out),
            ("*.py", "*.pyi"),
        ),
        Row(
            "tsc",
            "script",
            "closure",
            _tsc,
            lambda ran, plan, work: findings.from_tsc(ran.out),
            SCRIPTS,
            (0, 1, 2),
        ),
        Row("eslint", "script", "closure", _eslint, _eslint_findings, SCRIPTS),
        Row("jest", "script", "closure", _jest, _jest_findings, TESTS),
    )
}
"""The checkers of `run_quality`; pytest has a program of its own, because it forks."""
