"""What an action that runs a small numpy tool costs: in a fork of a warm interpreter, and in a fresh one each."""
from __future__ import annotations

import json
import os
import statistics
import sys
from pathlib import Path

import pytest

from buildgraph.execute.job import Level
from buildgraph.execute.sandbox import works
from tests.bench.timing import Command, once
from tests.needs import absent, need_module
from tests.unit.test_forkserver import servable, tool

MANY, FEW, ROUNDS = 200, 20, 3
GOAL, BAR = 12, 6   # the bar holds on a machine that has other work, too
TOOL = "import numpy as np\na = np.arange(12).reshape(3, 4)\nnp.save('out/a.npy', a @ a.T)\nprint(a.sum())\n"
DRIVER = """
import ctypes, os, sys
from pathlib import Path
from buildgraph.execute.forkserver import ForkServers
from buildgraph.execute.sandbox import run
from tests.unit.test_forkserver import servable, tool
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)   # what bubblewrap leaves is reaped here, and so counted
folder, level, way, count, text = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
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


@pytest.mark.slow
@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_a_fork_costs_a_fraction(level: Level, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CPU of all processes of 200 actions, start of the server and the first action in a fresh interpreter included."""
    need_module("numpy")
    if not works(level):
        absent(f"the rung {level} cannot be reached here")

    def cost(way: str, count: int) -> float:
        words = [sys.executable, "-c", DRIVER, str(tmp_path / "action"), level, way, str(count), TOOL]
        return once(Command(words, Path(__file__).parents[2], dict(os.environ)))[0]

    rounds = []
    for _ in range(ROUNDS):
        nothing = cost("forked", 0)
        rounds.append(((cost("fresh", FEW) - nothing) / FEW, (cost("forked", MANY) - nothing) / MANY))
    ratio = statistics.median(fresh / forked for fresh, forked in rounds)
    fresh, forked = (statistics.median(pair[side] for pair in rounds) * 1000 for side in (0, 1))
    with capsys.disabled():
        print(json.dumps({"bench": f"{MANY} numpy tools, {level}", "fresh_cpu_ms": round(fresh, 2),
                          "forked_cpu_ms": round(forked, 2), "ratio": round(ratio, 1), "goal": GOAL}))
    assert ratio >= BAR or not servable(tool(tmp_path / "look", TOOL, numpy=True), level)
