"""Compare with the installed peers on small graphs: outputs, exact counts, loose limits of time.

The table itself is measured by hand: `python -m tests.bench`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.bench import graphs, peers
from tests.bench.installed import shared
from tests.bench.rows import Arena, Row
from tests.support.requirements import need

BARS = {
    "cold": 60,
    "no-op": 14,
    "touch": 30,
    "same output": 30,
    "leaf": 40,
    "profile": 40,
}  # of ninja's CPU time


@pytest.fixture(scope="module", params=["chains", "layers"])
def arena(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """A graph of 200 steps for all that is installed."""
    need("ninja")
    folder = tmp_path_factory.mktemp("peers")
    graph = graphs.chains(200) if request.param == "chains" else graphs.layers(200, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peers.Ours, "binary", shared(tmp_path_factory))
        others = [kind for kind in (peers.Ninja, peers.Make, peers.Doit) if not kind.missing()]
        contest = Arena(folder, graph, [peers.Ours, *others], 3)
        yield contest
        contest.end()


def judged(row: Row, capsys: pytest.CaptureFixture[str]) -> None:
    """Print a row; ours ran exactly what was due."""
    with capsys.disabled():
        print("\n" + json.dumps(row.data()))
    assert row.ratios["ninja"]["cpu"] <= BARS[row.row]
    ours = row.peers["buildgraph"].ran
    assert ours == row.due if row.due else set(ours) == {row.actions if row.row == "cold" else 0}
    assert row.peers["ninja"].ran == (row.reached or ours)


@pytest.mark.slow
def test_every_row_on_small_graphs(arena: Arena, capsys: pytest.CaptureFixture[str]) -> None:
    """One test, for the rows follow one another: each begins where the one before it ended."""
    judged(arena.cold(1), capsys)
    arena.settle()
    for measure in (arena.noop, arena.touch, arena.cutoff, arena.leaf, arena.profile):
        judged(measure(), capsys)
