"""Run test files with pytest, each in a process and a folder of its own.

The folder of a test file has exactly the files that its key names: those that it imports, directly
or not, `conftest.py`, settings and declared data. A test that reads another file fails, so no
verdict depends on a file that the key leaves out. The process is a fork of one that has imported
pytest already.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
import time
import traceback
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from quality.coverage_lines import measure
from quality.findings import Finding
from quality.scratch import PYTHON

DAY_S = 86_400
_HERE = os.path.abspath(__file__)
ZONES = ("UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Chatham")
PASSED, FAILED, NO_TESTS = 0, 1, 5  # exit codes of pytest


@dataclass(frozen=True)
class Run:
    """One run of a test file: pytest's exit code, its tests, what failed, and its output.

    `cases` are (test, outcome) with the outcomes passed, failed and skipped. `lines` are the
    executed lines of each file, if they were measured.
    """

    code: int
    cases: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]
    log: str
    lines: dict[str, str] = field(default_factory=dict)


class _Variation:
    """A plugin that runs the tests in another order and with other random numbers."""

    def __init__(self, number: int) -> None:
        self._random = random.Random(number)
        self._number = number

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Shuffle the tests."""
        self._random.shuffle(items)

    def pytest_runtest_setup(self) -> None:
        """Seed the random numbers of the standard library with another value for each run."""
        random.seed(self._number)


def run_file(
    path: str,
    work: Path,
    arguments: list[str],
    program: str,
    number: int = 0,
    *,
    coverage: bool = False,
) -> Run:
    """Run a test file below `work`; with `coverage` the executed lines are measured.

    Runs with another number than 0 vary order, random seed, hash seed, zone and time. The hash seed
    is fixed when an interpreter starts, so they start `program` again: PROGRAM --one NUMBER PATH
    WORK ARGUMENTS.
    """
    report, log = work.parent / f"{work.name}.xml", work.parent / f"{work.name}.log"
    report.unlink(missing_ok=True)
    options = [*arguments, f"--junitxml={report}", "-o", "junit_family=xunit2"]
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        if number:
            words = [*PYTHON, program, "--one", str(number), path, str(work), *options]
            env = dict(os.environ) | {"PYTHONHASHSEED": str(number)}
            _child(lambda: os.execve(words[0], words, env), log)
        if coverage:
            _child(lambda: _measured(path, work, options), log)
        _child(lambda: run_here(path, work, options), log)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    text = log.read_text(encoding="utf-8", errors="replace")
    if not report.exists():
        last = [line for line in text.splitlines() if line.strip()][-1:] or ["no output"]
        return Run(code or 2, (), (Finding(path, 0, 0, last[0]),), text)
    cases, findings = _read_report(report, path)
    lines = work.parent / f"{work.name}.lines.json"
    executed = json.loads(lines.read_text(encoding="utf-8")) if coverage and lines.exists() else {}
    return Run(code, cases, findings, text, executed)


def _measured(path: str, work: Path, options: list[str]) -> int:
    lines: dict[str, str] = {}
    code = measure(work, lambda: run_here(path, work, options), lines)
    (work.parent / f"{work.name}.lines.json").write_text(json.dumps(lines), encoding="utf-8")
    return code


def _child(run: Callable[[], Any], log: Path) -> None:
    """Run a function in a forked process, with its output in a file; never returns."""
    code = 70
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
        code = run()
        sys.stdout.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def run_here(path: str, work: Path, arguments: list[str], number: int = 0) -> int:
    """Run pytest in this process; returns its exit code."""
    tools = os.path.dirname(os.path.dirname(_HERE))
    _forget_modules(tools)
    sys.path[:] = [str(work), *(p for p in sys.path if os.path.abspath(p or ".") != tools)]
    os.chdir(work)  # last, because paths of modules are relative to the folder of the action
    plugins: list[object] = []
    if number:
        plugins.append(_Variation(number))
        _shift_time(number)
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(work), *arguments, path]
    return int(import_module("pytest").main(options, plugins))


def _forget_modules(folder: str) -> None:
    """Forget the modules of this program: a test may import modules of the same names."""
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None)
        if file and os.path.abspath(file).startswith(f"{folder}{os.sep}") and name != "__main__":
            del sys.modules[name]


def _shift_time(number: int) -> None:
    """Move the clock of `time.time` by days, and the local time zone."""
    os.environ["TZ"] = ZONES[number % len(ZONES)]
    time.tzset()
    seconds = DAY_S * (37 * number % 365)
    now, now_ns = time.time, time.time_ns
    setattr(time, "time", lambda: now() + seconds)
    setattr(time, "time_ns", lambda: now_ns() + seconds * 10**9)


def _read_report(
    report: Path, path: str
) -> tuple[tuple[tuple[str, str], ...], tuple[Finding, ...]]:
    cases, findings = [], []
    for case in ElementTree.parse(report).iter("testcase"):
        name = "::".join(filter(None, (case.get("classname", ""), case.get("name", ""))))
        bad = [row for kind in ("failure", "error") for row in case.findall(kind)]
        outcome = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        cases.append((name, outcome))
        for row in bad:
            first = (row.get("message") or row.text or "").strip().splitlines()[:1] or ["it failed"]
            line = _line_of(row.text or "", path)
            findings.append(Finding(path, line, 0, f"{case.get('name')}: {first[0]}"))
    return tuple(sorted(cases)), tuple(findings)


def _line_of(trace: str, path: str) -> int:
    """The last line of the test file that a traceback names; 0 without one."""
    lines = [
        line.removeprefix(f"{path}:").partition(":")[0]
        for line in trace.splitlines()
        if line.startswith(f"{path}:")
    ]
    numbers = [int(line) for line in lines if line.isdigit()]
    return numbers[-1] if numbers else 0
