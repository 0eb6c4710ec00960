"""Measure actions that run a small numpy tool: in forks of a warm interpreter, and in new ones."""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path

from buildgraph.sandbox.job import Level
from tests.bench.rows import Medians, Row
from tests.bench.timing import Command, once

GOAL = 12  # times less CPU time
TOOL = (
    "import numpy as np\na = np.arange(12).reshape(3, 4)\n"
    "np.save('out/a.npy', a @ a.T)\nprint(a.sum())\n"
)
DRIVER = """
import ctypes, os, sys
from pathlib import Path
from buildgraph.sandbox.forkserver.client import ForkServers
from buildgraph.sandbox.sandbox import run
from tests.integration.sandbox.forkserver.test_client import servable, tool
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)   # what bubblewrap leaves is reaped here, and so counted
folder, level, way, count, text = sys.argv[1:]
folder, count = Path(folder), int(count)
folder.mkdir(exist_ok=True)
job = tool(folder, text, numpy=True)
with ForkServers(str(folder)) as servers:
    for _ in range(count):
        outcome = run(job, level, None, servers if way == "forked" else None)
        assert outcome.code == 0, outcome.log
    expected = max(0, count - 1) if way == "forked" and servable(job, level) else 0
    assert servers.served == expected, servers.obstacles()
try:
    while True:
        os.waitpid(-1, 0)
except ChildProcessError:
    pass
"""


def tools(folder: Path, level: Level, many: int, few: int, rounds: int) -> Row:
    """CPU and wall time of one action: in a fork (of `many`), and in a new interpreter (of `few`).

    That of forks includes all processes, the start of the server and the first action, which runs
    in a new interpreter.
    """

    def cost(way: str, count: int) -> tuple[float, float]:
        words = [sys.executable, "-c", DRIVER, str(folder / "action"), level, way, str(count), TOOL]
        return once(Command(words, Path(__file__).parents[2], dict(os.environ)))

    rounds_of_costs = []
    for _ in range(rounds):
        nothing = cost("forked", 0)
        each = [(cost(way, count), count) for way, count in (("forked", many), ("fresh", few))]
        rounds_of_costs.append(
            [[(spent[at] - nothing[at]) / count for at in (0, 1)] for spent, count in each]
        )
    row = Row(f"numpy tools, {level}", f"{many} forked, {few} fresh", many, rounds)
    for at, name in enumerate(("buildgraph", "a fresh interpreter each")):
        cpu, wall = (
            round(statistics.median(one[at][kind] * 1000 for one in rounds_of_costs), 2)
            for kind in (0, 1)
        )
        row.peers[name] = Medians(cpu, wall, 0.0, [])
    row.ratios["a fresh interpreter each"] = {
        kind: round(statistics.median(one[0][at] / one[1][at] for one in rounds_of_costs), 4)
        for at, kind in enumerate(("cpu", "wall"))
    }
    return row
