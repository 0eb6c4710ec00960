"""Measure the probe of an agent: the reference runs episodes, as a build of a new model does."""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path

from tests.bench.bench_step import ROOT, model_of
from tests.bench.rows import Medians, Row
from tests.bench.timing import Command, once

AGENTS = ("tmaze", "graph_world", "grid_world", "cue_chaining", "dense_4")
PROBES = tuple(f"probe, {agent}" for agent in AGENTS)
EPISODES = 8
TOOLS = ROOT / "rules/tools"


def probe(folder: Path, name: str, count: int, rounds: int) -> Row:
    """CPU and wall time of `make_probe`, with the start of its interpreter, for so many steps."""
    from agentc.ir import files as ir

    agent = name.removeprefix("probe, ")
    ir.save(model_of(agent, folder / "model"), folder / agent)
    words = [sys.executable, "make_probe.py", "--ir", str(folder / agent)]
    words += ["--out", str(folder / "probe")]
    words += ["--episodes", str(EPISODES), "--steps", str(-(-count // EPISODES))]
    costs = [once(Command(words, TOOLS, dict(os.environ))) for _ in range(rounds)]
    row = Row(name, f"{EPISODES} episodes", count, rounds)
    cpu, wall = (round(statistics.median(cost[at] for cost in costs) * 1000, 2) for at in (0, 1))
    row.peers["buildgraph"] = Medians(cpu, wall, 0.0, [])
    return row
