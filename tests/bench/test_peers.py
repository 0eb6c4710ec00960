"""Us and ninja side by side on the same graph; each row is medians and a ratio of one run, printed as JSON.

The numbers go to the reader; what is asserted is loose enough for a noisy machine, and that the counts are exact.
"""
from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path

import pytest

from tests.bench import graphs
from tests.bench.timing import Command, once
from tests.needs import need

COUNT = int(os.environ.get("BUILDGRAPH_BENCH_ACTIONS", "1000"))
ROUNDS = 5


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Command, Command, dict[str, float]]:
    """Both graphs built once, cold, with the ratio of that; ours until its receipt stands."""
    folder = tmp_path_factory.mktemp("peers")
    graphs.ours(folder / "ours", COUNT)
    graphs.ninja(folder / "ninja", COUNT)
    mine = graphs.program(folder / "ours", folder / "cache", "build", "//...")
    theirs = Command([need("ninja"), "-j2", "--quiet"], folder / "ninja", dict(os.environ))
    cold = {"ours": once(mine)[0], "ninja": once(theirs)[0]}
    deadline = time.monotonic() + 120
    while not list((folder / "ours/.buildgraph").glob("receipts/*")):
        assert time.monotonic() < deadline
        time.sleep(0.3)
        once(mine)
    return mine, theirs, cold


def row(name: str, pairs: list[tuple[float, float]], goal: float, capsys: pytest.CaptureFixture[str]) -> float:
    """Print one row and return the median of the ratios."""
    ratio = statistics.median(a / b for a, b in pairs)
    told = {"bench": name, "actions": COUNT, "ours_cpu_ms": round(1000 * statistics.median(a for a, _ in pairs), 1),
            "ninja_cpu_ms": round(1000 * statistics.median(b for _, b in pairs), 1), "ratio": round(ratio, 2), "goal": goal}
    with capsys.disabled():
        print("\n" + json.dumps(told))
    return ratio


@pytest.mark.slow
def test_cold(pair: tuple[Command, Command, dict[str, float]], capsys: pytest.CaptureFixture[str]) -> None:
    assert row("cold", [(pair[2]["ours"], pair[2]["ninja"])], 1.25, capsys) < 60


@pytest.mark.slow
def test_nothing_changed(pair: tuple[Command, Command, dict[str, float]], capsys: pytest.CaptureFixture[str]) -> None:
    mine, theirs, _ = pair
    once(mine)
    ratio = row("no-op", [(once(mine)[0], once(theirs)[0]) for _ in range(ROUNDS)], 5, capsys)
    assert ratio < 12


@pytest.mark.slow
def test_one_leaf_changed(pair: tuple[Command, Command, dict[str, float]], capsys: pytest.CaptureFixture[str]) -> None:
    mine, theirs, _ = pair
    pairs = []
    for number in range(ROUNDS):
        for side in (mine, theirs):
            (Path(side.cwd) / "s7.txt").write_text(f"changed {number} {time.time_ns()}\n")
        time.sleep(0.15)
        pairs.append((once(mine)[0], once(theirs)[0]))
    assert row("one leaf changed", pairs, 2, capsys) < 30


@pytest.mark.slow
def test_touch(pair: tuple[Command, Command, dict[str, float]], capsys: pytest.CaptureFixture[str]) -> None:
    mine, theirs, _ = pair
    pairs = []
    for _ in range(ROUNDS):
        for side in (mine, theirs):
            os.utime(Path(side.cwd) / "s9.txt")
        time.sleep(0.15)
        pairs.append((once(mine)[0], once(theirs)[0]))
    assert row("touch", pairs, 1.5, capsys) < 30
