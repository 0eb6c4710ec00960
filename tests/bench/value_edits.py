"""The row of one value that is edited in a BUILD.toml, beside a no-op and a whole analysis."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench import graphs
from tests.bench.peers import Cost, Ours
from tests.bench.rows import STILL, Row, summed
from tests.bench.special import Analysis

NOOP, WHOLE = "a no-op", "a full analysis"


class Laid(Analysis):
    """The full analysis of a workspace that is there already."""

    def lay(self) -> None:
        """Nothing."""


def value(folder: Path, count: int, rounds: int) -> Row:
    """Measure a build after an edit of a value of the last target, round by round.

    The edit changes one action and no output. A no-op and a full analysis follow in each round.
    """
    graph = graphs.chains(count)
    peer = Ours(folder / f"value-{count}", folder / "beside", graph)
    whole = Laid(peer.folder, peer.beside, graph)
    peer.lay()
    while not peer.settled():
        peer.run()
        time.sleep(STILL)
    old = f"awk -v n={count - 1} "
    build = next(path for path in peer.folder.rglob("BUILD.toml") if old in path.read_text())
    text = build.read_text()
    costs: dict[str, dict[int, Cost]] = {peer.name: {}, NOOP: {}, WHOLE: {}}
    for turn in range(rounds + 1):  # the first round does not count
        build.write_text(text.replace(old, old.replace(" -v", " " * (turn + 2) + "-v")))
        for name, each, due in ((peer.name, peer, 1), (NOOP, peer, 0), (WHOLE, whole, count)):
            time.sleep(STILL)
            cost = each.run()
            each.check(graph.files, cost.log)
            assert each.ran(cost.log) == due, cost.log
            if turn:
                costs[name][turn] = cost
    ran = {
        name: [peer.ran(cost.log) for cost in costs[name].values()] for name in (peer.name, NOOP)
    }
    row = Row("a value", graph.shape, count, rounds, [1] * rounds, [1] * rounds)
    return summed(row, costs, ran | {WHOLE: [count] * rounds})
