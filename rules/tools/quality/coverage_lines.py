"""Lines that tests execute, measured with coverage.py, and their LCOV file.

A test file is measured in the process that runs it, so the programs that it starts are not. Lines
of a test file whose verdict is recorded are those of its last run: its key names all that it
imports, so the lines are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path

from quality.plan import Plan, is_test

Lines = Mapping[str, str]
"""The executed lines of each file as ranges, such as "1-3,7"."""


def measure(work: Path, run: Callable[[], int], lines: dict[str, str]) -> int:
    """Run tests below `work`, add the executed lines of its files, and return the exit code."""
    top = work.resolve()
    meter = import_module("coverage").Coverage(
        data_file=None, config_file=False, include=[f"{top}/*"]
    )
    meter.set_option("run:disable_warnings", ["no-data-collected"])
    meter.start()
    try:
        return run()
    finally:
        meter.stop()
        data = meter.get_data()
        for path in data.measured_files():
            lines[str(Path(path).relative_to(top))] = write_ranges(data.lines(path) or ())


def write_ranges(numbers: Iterable[int]) -> str:
    """Line numbers as ranges: "1-3,7"."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(f"{first}-{last}" if first < last else f"{first}" for first, last in ranges)


def read_ranges(text: str) -> list[int]:
    """The line numbers of ranges."""
    pairs = [part.partition("-") for part in text.split(",") if part]
    return [n for first, _, last in pairs for n in range(int(first), int(last or first) + 1)]


def write_lcov(path: Path, plan: Plan, top: Path, executed: Mapping[str, Lines]) -> None:
    """Write which statements of the sources ran, and in how many test files; `top` has the sources.

    `executed` has the lines of each test file. Files that cannot be parsed are left out.
    """
    records = []
    for source in sorted(filter(_is_measured, plan.srcs)):
        ranges = [rows[source] for rows in executed.values() if source in rows]
        counts = _counts(top / source, ranges)
        records += _record(plan.name_in_workspace(source), counts) if counts is not None else []
    path.write_text("".join(f"{line}\n" for line in records), encoding="utf-8")


def _is_measured(path: str) -> bool:
    is_own = path.endswith(".py") and not is_test(path)
    return is_own and path.rpartition("/")[2] != "conftest.py"


def _counts(file: Path, executed: list[str]) -> dict[int, int] | None:
    """For each statement of a file the number of test files that ran it; None for bad syntax.

    A statement of several lines counts at its first.
    """
    coverage = import_module("coverage")
    counts = Counter[int]()
    statements: list[int] = []
    for text in ["", *executed]:
        meter = coverage.Coverage(data_file=None, config_file=False)
        meter.get_data().add_lines({str(file): read_ranges(text)})
        try:
            _, statements, _, missing, _ = meter.analysis2(str(file))
        except coverage.CoverageException:
            return None
        counts.update({*statements} - {*missing})
    return {line: counts[line] for line in statements}


def _record(name: str, counts: Mapping[int, int]) -> list[str]:
    totals = [f"LF:{len(counts)}", f"LH:{sum(count > 0 for count in counts.values())}"]
    lines = [f"DA:{line},{count}" for line, count in sorted(counts.items())]
    return [f"SF:{name}", *lines, *totals, "end_of_record"]
