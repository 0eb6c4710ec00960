"""CPU time of the gate `mypy` on a generated project, beside full runs of mypy.

    python tests/bench/bench_quality.py [--files 500]

Prints one table. Times are those of the CPU, of all processes (by `perf stat`), so that other work
on the machine changes them little. A full run of mypy has no cache, as in a job of CI that starts
on a new machine. "A job of CI" is a new copy of the workspace beside the cache of buildgraph.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BUILD = """[workspace]
name = "w"

[types]
rule = "mypy"
srcs = ["app/**/*.py"]
config = "mypy.ini"
"""
_IN_FOLDER, _IMPORTS, _FUNCTIONS = 25, 3, 15
_BODY = "    total = 0\n    for value in values:\n        total += value\n    return total\n"


@dataclass(frozen=True)
class Project:
    """A workspace whose modules import older ones, and the cache of its builds."""

    root: Path
    cache: Path
    count: int

    def write(self) -> None:
        """Write all modules: each imports up to three older ones, near and far."""
        (self.root / "app").mkdir(parents=True)
        (self.root / "BUILD.toml").write_text(BUILD)
        (self.root / "mypy.ini").write_text("[mypy]\nstrict = True\n")
        (self.root / "app/__init__.py").write_text("")
        for number in range(self.count):
            path = self.path(number)
            path.parent.mkdir(exist_ok=True)
            (path.parent / "__init__.py").write_text("")
            path.write_text(module(number))

    def path(self, number: int) -> Path:
        """The file of a module."""
        return self.root / f"app/p{number // _IN_FOLDER}/m{number}.py"

    def gate(self) -> tuple[float, str]:
        """CPU seconds of the gate, and what it says that it checked, or that it was a hit."""
        words = [sys.executable, "-m", "buildgraph", "test", "//:types"]
        seconds = cpu_seconds(words, self.root, {"BUILDGRAPH_CACHE": str(self.cache)})
        log = subprocess.run(
            [sys.executable, "-m", "buildgraph", "log", "//:types"],
            cwd=self.root,
            env=dict(os.environ) | {"BUILDGRAPH_CACHE": str(self.cache)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return seconds, next((line for line in log.splitlines() if "checked" in line), log)

    def mypy(self, cache: Path) -> float:
        """CPU seconds of a full run of mypy."""
        words = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini"]
        return cpu_seconds([*words, "--cache-dir", str(cache), "app"], self.root, {})


def module(number: int, body: str = _BODY, kind: str = "int") -> str:
    """The text of a module: a class and functions that use those of its imports."""
    older = sorted({number - 1, number // 2, number // 7} - {number, -1})[-_IMPORTS:]
    lines = [f"from app.p{other // _IN_FOLDER} import m{other}" for other in older]
    calls = "".join(f"    m{other}.total([1])\n" for other in older)
    return "\n".join(
        [
            "from collections.abc import Sequence",
            "",
            *lines,
            *_functions(),
            "",
            "class Thing:",
            f"    def __init__(self, value: {kind}) -> None:",
            "        self.value = value",
            "",
            f"    def get(self) -> {kind}:",
            "        return self.value",
            "",
            "",
            f"def total(values: list[int], scale: {kind} | None = None) -> int:\n{calls}{body}",
        ]
    )


def _functions() -> list[str]:
    """Functions of ten lines, so that a file has about 200."""
    text = """

def weigh_{0}(words: Sequence[str], weights: dict[str, float] | None = None) -> list[float]:
    known = weights or {{}}
    result: list[float] = []
    for at, word in enumerate(words):
        if word.startswith("x"):
            continue
        weight = known.get(word, 1.0 + at * {0})
        pairs = [(letter, weight / (1 + ord(letter))) for letter in word]
        result.append(max((share for _, share in pairs), default=0.0))
    return sorted(result, reverse=True)
"""
    return [text.format(number) for number in range(_FUNCTIONS)]


def cpu_seconds(words: Sequence[str], folder: Path, env: dict[str, str]) -> float:
    """CPU seconds of a command that must succeed, with all its processes."""
    with tempfile.NamedTemporaryFile() as report:
        perf = ["perf", "stat", "-e", "task-clock", "-x", ",", "-o", report.name, "--", *words]
        done = subprocess.run(
            perf,
            cwd=folder,
            env=dict(os.environ) | env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        row = Path(report.name).read_text().splitlines()[-1]
    return float(row.partition(",")[0]) / 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    count = parser.parse_args().files
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = Project(folder / "w", folder / "cache", count)
        project.write()
        full = project.mypy(folder / "mypy-cache")
        print(f"| {count} files | CPU s | of a full run | note |\n|---|---:|---:|---|")

        def row(what: str, seconds: float, note: str = "") -> None:
            print(
                f"| {what} | {seconds:.2f} | {seconds / full:.3f} | {note.strip(' |')} |",
                flush=True,
            )

        row("mypy, full run", full)
        row("mypy, its own cache, nothing edited", project.mypy(folder / "mypy-cache"))
        row("gate, first run", *project.gate())
        row("gate, nothing edited", *project.gate())
        edited = count // 2
        path = project.path(edited)
        path.write_text(module(edited, _BODY.replace("total = 0", "total = 1 - 1")))
        row("gate, a body edited", *project.gate())
        row("mypy, its own cache, the same body", project.mypy(folder / "mypy-cache"))
        leaf = project.path(count - 2)
        leaf.write_text(module(count - 2, kind="float"))
        row("gate, an interface edited, 1 user", *project.gate())
        path.write_text(module(edited, kind="float"))
        row("gate, an interface edited, many users", *project.gate())
        copy = Project(folder / "job/w", project.cache, count)
        shutil.copytree(
            project.root, copy.root, ignore=shutil.ignore_patterns(".buildgraph", "out")
        )
        row("a job of CI, nothing edited", *copy.gate())
        again = Project(folder / "other/w", project.cache, count)
        shutil.copytree(
            project.root, again.root, ignore=shutil.ignore_patterns(".buildgraph", "out")
        )
        again.path(edited).write_text(module(edited, _BODY.replace("+=", "-="), kind="float"))
        row("a job of CI, a body edited", *again.gate())


if __name__ == "__main__":
    main()
