"""Random edits of a generated Python project: verdicts of a gate against those of a full run.

    python -m tests.property.quality_edits [TOOL] [EDITS] [SEED]

prints one line for each edit, and how many units the gate checked.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "rules/tools"
TYPES = ("int", "str", "bytes", "float", "list[int]")
VALUES = {"int": "1", "str": "'a'", "bytes": "b'a'", "float": "1.5", "list[int]": "[1]"}
MYPY_INI = "[mypy]\nstrict = True\n"


@dataclass
class Project:
    """Sources of a package `app` with imports in all directions, also in circles."""

    top: Path
    random: random.Random
    modules: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def start(self, count: int) -> None:
        """Write the first modules, and a test file for every second one."""
        (self.top / "app/sub").mkdir(parents=True)
        (self.top / "tests").mkdir()
        (self.top / "mypy.ini").write_text(MYPY_INI)
        for package in ("app", "app/sub"):
            self.write(f"{package}/__init__.py", "")
        for _ in range(count):
            self.add()
        for path in [path for path in self.modules if not path.endswith("__init__.py")][::2]:
            self.add_test(path)

    def write(self, path: str, text: str) -> None:
        """Write a module."""
        self.modules[path] = text
        (self.top / path).write_text(text)

    def add(self) -> None:
        """Write a new module that uses two others."""
        self.count += 1
        folder = self.random.choice(("app", "app/sub"))
        self.write(f"{folder}/m{self.count}.py", self.text())

    def add_test(self, path: str) -> None:
        """Write a test file of a module."""
        name = re.sub(r"\W", "_", path.removesuffix(".py"))
        dotted = path.removesuffix(".py").replace("/", ".")
        self.write(
            f"tests/test_{name}.py",
            f"import {dotted}\n\n\ndef test_kind() -> None:\n"
            f"    value = {dotted}.make()\n"
            f"    assert isinstance(value, (int, str, {self.random.choice(TYPES[2:4])}, list))\n",
        )

    def text(self) -> str:
        """A module: a constant, a class and functions that call those of other modules."""
        kind, other = self.random.choices(TYPES, k=2)
        older = sorted(self.sources())
        names = self.random.sample(older, min(self.random.choice((0, 1, 1, 2)), len(older)))
        imports, calls = [], []
        for name in names:
            dotted = name.removesuffix(".py").replace("/", ".")
            if self.random.random() < 0.5:
                imports.append(f"from {dotted} import make as make_{name_of(name)}")
                calls.append(f"make_{name_of(name)}()")
            else:
                imports.append(f"import {dotted}")
                calls.append(f"{dotted}.Thing().value")
        used = "".join(f"    value_{at} = {call}\n" for at, call in enumerate(calls))
        uses = "".join(f"    print(value_{at})\n" for at in range(len(calls)))
        return (
            "\n".join(sorted(imports)) + "\n\n"
            f"LIMIT: {kind} = {VALUES[kind]}\n\n\n"
            "class Thing:\n"
            "    def __init__(self) -> None:\n"
            f"        self.value: {other} = {VALUES[other]}\n"
            "        self.more = make()\n\n"
            f"    def get(self) -> {other}:\n        return self.value\n\n\n"
            f"def make() -> {kind}:\n{used}{uses}    return {VALUES[kind]}\n"
        )

    def sources(self) -> list[str]:
        """The modules that can be edited: no package and no test."""
        return [path for path in self.modules if path.startswith("app/") and "__init__" not in path]

    def edit(self) -> str:
        """Make one random edit; its name and place."""
        edits: tuple[Callable[[str], None], ...] = (
            self.body,
            self.body,
            self.kind,
            self.attribute,
            self.use,
            self.rename,
            self.remove,
        )
        edits += (self.more, self.style, self.annotation, self.export, self.abstract, self.broken)
        edit = self.random.choice(edits)
        path = self.random.choice(sorted(self.sources()))
        if self.random.random() < 0.6:
            self.repair()
        edit(path)
        return f"{edit.__name__} {path}"

    def _change(self, path: str, pattern: str, new: str) -> None:
        self.write(path, re.sub(pattern, new, self.modules[path], count=1))

    def body(self, path: str) -> None:
        """Change the value that `make` returns, now and then to one of another type."""
        value = VALUES[self.random.choice(TYPES)]
        if self.random.random() < 0.7:
            kind = re.search(r"def make\(\)(?: -> (.*))?:", self.modules[path])
            value = VALUES.get(str(kind and kind[1]), "1")
        self._change(
            path,
            r"\n    return .*\n",
            f"\n    number = {self.count}\n    print(number)\n    return {value}\n",
        )

    def kind(self, path: str) -> None:
        """Change the type that `make` returns."""
        kind = self.random.choice(TYPES)
        self._change(path, r"def make\(\).*:", f"def make() -> {kind}:")

    def attribute(self, path: str) -> None:
        """Change the type of an attribute, which `__init__` declares."""
        kind = self.random.choice(TYPES)
        self._change(path, r"self.value: \S+ = .*", f"self.value: {kind} = {VALUES[kind]}")

    def use(self, path: str) -> None:
        """Use another module with a type that may be right."""
        other = self.random.choice(sorted(self.sources())).removesuffix(".py").replace("/", ".")
        kind = self.random.choice(TYPES)
        text = f"import {other}\n{self.modules[path]}"
        self.write(
            path, f"{text}\n\ndef use_{self.count}() -> {kind}:\n    return {other}.make()\n"
        )
        self.count += 1

    def rename(self, path: str) -> None:
        """Rename a module; half of the time its users follow."""
        self.count += 1
        new = f"app/m{self.count}.py"
        text = self.modules.pop(path)
        (self.top / path).unlink()
        self.write(new, text)
        if self.random.random() < 0.5:
            old, dotted = (p.removesuffix(".py").replace("/", ".") for p in (path, new))
            for other in [*self.modules]:
                self.write(other, re.sub(rf"\b{re.escape(old)}\b", dotted, self.modules[other]))

    def remove(self, path: str) -> None:
        """Remove a module, if several are left."""
        if len(self.sources()) > 8:
            del self.modules[path]
            (self.top / path).unlink()

    def more(self, path: str) -> None:
        """Write a new module, or a new test of one."""
        self.add() if self.random.random() < 0.6 else self.add_test(path)

    def style(self, path: str) -> None:
        """Add or remove a blank at the end of a line, or a comment."""
        text = self.modules[path]
        self.write(
            path, text.replace(" \n", "\n") if " \n" in text else text.replace(":\n", ": \n", 1)
        )

    def annotation(self, path: str) -> None:
        """Remove the annotation of `make`, or make it asynchronous."""
        self._change(
            path,
            r"(async )?def make\(\).*:",
            self.random.choice(("def make():", "async def make() -> int:")),
        )

    def export(self, path: str) -> None:
        """Export a name from the package, which others may import."""
        dotted = path.removesuffix(".py").replace("/", ".")
        self.write("app/__init__.py", f"from {dotted} import Thing as Thing\n")

    def abstract(self, path: str) -> None:
        """Give a method a trivial body, or a body that is not."""
        self._change(
            path,
            r"\n        return self.value\n|\n        \.\.\.\n",
            self.random.choice(("\n        ...\n", "\n        return self.value\n")),
        )

    def broken(self, path: str) -> None:
        """Break the syntax of a module, or repair all."""
        self.write(path, "def (\n" + self.modules[path])

    def repair(self) -> None:
        """Repair the syntax of all modules."""
        for path, text in [*self.modules.items()]:
            if text.startswith("def (\n"):
                self.write(path, text.removeprefix("def (\n"))


def name_of(path: str) -> str:
    """An identifier for a module."""
    return re.sub(r"\W", "_", path.removesuffix(".py"))


@dataclass
class GateRun:
    """The gate of a tool, run as its action runs it, but without a sandbox."""

    tool: str
    top: Path
    scratch: Path
    previous: Path | None = None
    checked: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def verdict(self, modules: list[str]) -> tuple[int, frozenset[str]]:
        """Exit code and findings of the gate; its records are used by the next run."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        temporary = self.scratch / "tmp"
        temporary.mkdir(parents=True)
        plan = {
            "gate": "g",
            "tool": self.tool,
            "folder": "",
            "srcs": sorted(modules),
            "config": "mypy.ini" if self.tool == "mypy" else "",
            "args": [],
            **self.extra,
        }
        (self.scratch / "plan.json").write_text(json.dumps(plan))
        if self.previous is not None:
            shutil.copy(self.previous, self.scratch / "previous")
        program = "run_pytest" if self.tool == "pytest" else "run_quality"
        outs = ["evidence.json"] + (["junit.xml"] if self.tool == "pytest" else [])
        site = os.path.dirname(os.path.dirname(str(import_module("mypy").__file__)))
        done = subprocess.run(
            [
                sys.executable,
                "-S",
                "-s",
                "-B",
                str(TOOLS / f"{program}.py"),
                "plan.json",
                str(self.top),
                *outs,
            ],
            cwd=self.scratch,
            env=environment(temporary) | {"PYTHONPATH": site},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        match = re.search(r"^checked (\d+) of \d+ files$", done.stdout, re.MULTILINE)
        assert match, done.stdout
        self.checked = int(match[1])
        self.previous = self.scratch.parent / "previous"
        shutil.copy(temporary / "previous", self.previous)
        return done.returncode, frozenset(_lines(done.stdout))


def environment(temporary: Path) -> dict[str, str]:
    """Variables of a nested run, whose temporary files are below a folder of the test."""
    folder = str(temporary)
    return dict(os.environ) | {"TMPDIR": folder, "PYTEST_DEBUG_TEMPROOT": folder}


def _lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if ": error: " in line]


def full_run(tool: str, project: Project, cache: Path) -> tuple[int, frozenset[str]]:
    """Exit code and findings of the tool itself on all files, as the gate prints them."""
    if tool == "pytest":
        return run_each(sorted(p for p in project.modules if p.startswith("tests/")), project.top)
    sys.path.insert(0, str(TOOLS))
    from quality.findings import from_flake8, from_mypy

    words = {
        "mypy": [
            "mypy",
            "--config-file",
            "mypy.ini",
            "--output",
            "json",
            "--cache-dir",
            str(cache),
        ],
        "flake8": ["flake8"],
    }[tool]
    paths = sorted(project.modules)
    done = subprocess.run(
        [sys.executable, "-B", "-m", *words, *paths],
        cwd=project.top,
        capture_output=True,
        text=True,
        check=False,
    )
    parse = from_mypy if tool == "mypy" else from_flake8
    rows = parse(done.stdout)
    lines = (f"{row.path}:{row.line}:{row.column}: error: {row.text}" for row in rows)
    return min(done.returncode, 1), frozenset(lines)


def run_each(paths: list[str], top: Path) -> tuple[int, frozenset[str]]:
    """Run each test file by itself: in one process, a file may rely on imports of another."""
    words = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no"]
    failed = [
        path
        for path in paths
        if subprocess.run(
            [*words, path], cwd=top, env=environment(top.parent), capture_output=True, check=False
        ).returncode
    ]
    return int(bool(failed)), frozenset(failed)


def run(tool: str, edits: int, seed: int, count: int = 16, show: bool = False) -> list[int]:
    """Make edits and compare; the number of units that the gate checked after each of them."""
    checked = []
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder) / "project"
        top.mkdir()
        project = Project(top, random.Random(seed))
        project.start(count)
        gate = GateRun(tool, top, Path(folder) / "gate")
        cache = Path(folder) / "cache"
        if tool == "mypy":  # of the standard library, so that the full runs take less time
            words = ["-m", "mypy", "--strict", "--cache-dir", str(cache), "-c", "import re"]
            subprocess.run([sys.executable, *words], cwd=folder, check=True, capture_output=True)
        for number in range(edits + 1):
            name = project.edit() if number else "start"
            code, findings = gate.verdict([*project.modules])
            copy = Path(folder) / f"cache-{number}"
            if cache.exists():
                shutil.copytree(cache, copy)
            expected, wanted = full_run(tool, project, copy)
            shutil.rmtree(copy, ignore_errors=True)
            if tool == "pytest":
                findings = frozenset(line.partition(":")[0] for line in findings)
                expected = min(expected, 1)
            same = code == expected and is_same(tool, findings, wanted)
            if show:
                print(
                    f"{number:4} {name:28} checked {gate.checked:3} of {len(project.modules)}"
                    f" exit {code} findings {len(findings)} {'same' if same else 'DIFFERENT'}",
                    flush=True,
                )
            assert same, (
                f"seed {seed}, edit {number} ({name}): {code} {sorted(findings)} "
                f"!= {expected} {sorted(wanted)}"
            )
            checked.append(gate.checked)
    return checked


def is_same(tool: str, findings: frozenset[str], wanted: frozenset[str]) -> bool:
    """True if the findings are those of the full run; one after a syntax error lists that only."""
    if tool == "mypy" and any("[syntax]" in line for line in wanted):
        return any("[syntax]" in line for line in findings)
    return findings == wanted


def main(tool: str = "mypy", edits: str = "300", seed: str = "1") -> None:
    """Print the edits and their verdicts."""
    first, *later = run(tool, int(edits), int(seed), show=True)
    mean = sum(later) / max(1, len(later))
    print(f"{tool}: {len(later)} edits, every verdict that of a full run;", end=" ")
    print(f"checked {mean:.1f} files an edit, {first} at first")


if __name__ == "__main__":
    main(*sys.argv[1:])
