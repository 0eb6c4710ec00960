"""Run a chore of the project: `python -m tests.run CHORE... [-- PYTEST ARGUMENTS]`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARALLEL = ("-n", "auto", "--dist", "loadgroup")
# The folders of each tier of tests; tests/house/test_tiers.py checks that every folder has a tier.
TIERS = {
    "unit": ("tests/unit", "tests/golden"),
    "integration": ("tests/integration",),
    "e2e": ("tests/e2e",),
    "property": ("tests/property",),
    "fault": ("tests/fault",),
    "fuzz": ("tests/fuzz",),
    "pymdp": ("tests/pymdp",),
    "bench": ("tests/bench",),
    "docs": ("tests/docs",),
    "lint": ("tests/house",),
    "types": ("tests/typing",),
}
SERIAL = {"bench", "fuzz", "lint", "types"}  # bench measures time; fuzz uses all cores itself


@dataclass(frozen=True)
class Chore:
    """A chore: its line of help, and its commands as arguments of the Python interpreter."""

    help: str
    commands: Callable[[Sequence[str]], list[list[str]]]


def _pytest(tier: str, arguments: Sequence[str]) -> list[str]:
    parallel = () if tier in SERIAL else PARALLEL
    return ["-m", "pytest", "-q", *parallel, *arguments, *TIERS[tier]]


def _gate(label: str) -> list[str]:
    """A check of this repository as a target of its own build: only what changed is checked."""
    return ["-m", "buildgraph", "test", label]


def _lint(arguments: Sequence[str]) -> list[list[str]]:
    # The linters of the house tests run first, by themselves: their output is shorter.
    tests = [*_pytest("lint", arguments), "--ignore", "tests/house/test_linters.py"]
    return [["-m", "ruff", "check", "."], _gate("//checks:style"), _gate("//checks:tools"), tests]


def _types(arguments: Sequence[str]) -> list[list[str]]:
    return [_gate("//checks:types"), _pytest("types", arguments)]


def _all(arguments: Sequence[str]) -> list[list[str]]:
    return [["-m", "pytest", "-q", *PARALLEL, *arguments, "tests"]]


def _format(arguments: Sequence[str]) -> list[list[str]]:
    return [["-m", "ruff", "check", "--fix-only", "."], ["-m", "ruff", "format", "."]]


def golden_tests() -> list[str]:
    """Test files that write their expectations when BUILDGRAPH_GOLDEN is set to `write`."""
    files = sorted(ROOT.glob("tests/*/**/test_*.py"))
    return [
        file.relative_to(ROOT).as_posix()
        for file in files
        if '"BUILDGRAPH_GOLDEN"' in file.read_text(encoding="utf-8")
    ]


def generators() -> list[str]:
    """Modules of tests/support that write generated files when called with `--write`."""
    return [
        f"tests.support.{file.stem}"
        for file in sorted((ROOT / "tests/support").glob("*.py"))
        if '"--write"' in file.read_text(encoding="utf-8")
    ]


def _generate(arguments: Sequence[str]) -> list[list[str]]:
    written = [["-m", module, "--write"] for module in generators()]
    return [*written, ["-m", "pytest", "-q", *arguments, *golden_tests()]]


def _tier(tier: str) -> Callable[[Sequence[str]], list[list[str]]]:
    return lambda arguments: [_pytest(tier, arguments)]


CHORES = {
    "lint": Chore("ruff, flake8 and the house tests: layers, sizes, words", _lint),
    "types": Chore("mypy --strict, and the types that authors of rules see", _types),
    "unit": Chore("pure tests, one file for each module", _tier("unit")),
    "integration": Chore("tests that start processes and sandboxes", _tier("integration")),
    "e2e": Chore("whole builds by the command line", _tier("e2e")),
    "property": Chore("random workspaces and edits through every start", _tier("property")),
    "fault": Chore("fault injection: crashes, full disks, damaged caches", _tier("fault")),
    "fuzz": Chore("random input: importers, BUILD.toml, the native program", _tier("fuzz")),
    "pymdp": Chore("agents compared with pymdp", _tier("pymdp")),
    "bench": Chore(
        "limits of counts and times; `python -m tests.bench` is the table", _tier("bench")
    ),
    "docs": Chore("code blocks and links of README and docs", _tier("docs")),
    "all": Chore("all tests, the linters and mypy included", _all),
    "format": Chore("sort imports, apply the safe fixes of ruff, and format the code", _format),
    "generate": Chore("write expected outputs and generated pages", _generate),
}


def run(command: list[str], environment: dict[str, str]) -> int:
    """Print a command and run it in the root of the repository; its exit code."""
    print("+ python", *command, flush=True)
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, check=False
    ).returncode


def parse(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the command line into chores and arguments for pytest, which follow `--`."""
    mine, arguments = list(words), list[str]()
    if "--" in mine:
        place = mine.index("--")
        mine, arguments = mine[:place], mine[place + 1 :]
    width = max(map(len, CHORES))
    table = "\n".join(f"  {name:{width}}  {chore.help}" for name, chore in CHORES.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.run",
        usage="%(prog)s CHORE... [-- PYTEST ARGUMENTS]",
        description=f"Run chores, one after the other, up to the first that fails.\n\n{table}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "chores", nargs="+", choices=CHORES, metavar="CHORE", help="one of the above"
    )
    return parser.parse_args(mine).chores, arguments


def main(words: Sequence[str]) -> int:
    """Run the chores; the exit code of the first command that fails."""
    chores, arguments = parse(words)
    for name in chores:
        environment = dict(os.environ)
        if name == "generate":
            environment["BUILDGRAPH_GOLDEN"] = "write"
        for command in CHORES[name].commands(arguments):
            code = run(command, environment)
            if code:
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
