"""Statistics of the instructions of a program's steps, and its worst case.

`least`, `p50`, `p99` and `most` are of steps of the probe sets and of the models' environments.
`worst` is the largest number of steps in which every loop that could end early runs to its bound,
with the outcomes and actions whose tables are the largest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from agentc.codegen.buffer_sizes import LINE, request_bytes
from agentc.codegen.main import ProgramSpec
from agentc.ir import files as ir
from agentc.ir.files import Model
from agentc.plan import files as plan_files
from agentc.plan.data_loops import data_loops, program_loops
from agentc.plan.files import Plan
from agentc.proof.replay import load_probe
from readiness.instructions import Counter, counted, method, version
from readiness.requests import Request, Seen, encode, from_model, from_probe, heaviest, requests

STEPS = 10_000
PILOT = 64
AFFORDABLE = {"plugin": 4_000_000_000, "trace": 20_000_000}
"""Instructions to count at most by each method: more take minutes. Large agents get fewer steps,
never fewer than FEWEST.
"""
FEWEST = {"plugin": 256, "trace": 64}


@dataclass(frozen=True, slots=True, eq=False)
class Agent:
    """One agent of the program: records of its probe set, model and plan."""

    records: np.ndarray[Any, np.dtype[np.int32]]
    model: Model
    plan: Plan


def load_agent(probe: Path, model: Path, plan: Path) -> Agent:
    """Read the folders of an agent."""
    records = load_probe(probe).records()
    return Agent(records, ir.normalise(ir.load(model)), plan_files.load(plan))


def count(
    counter: Counter, program: Path, spec: ProgramSpec, agents: Mapping[str, Agent], steps: int
) -> dict[str, Any]:
    """Return the document of the counts; CannotCountError if the emulator cannot count."""
    # The plugin counts the instructions of one process, so that has to step all agents.
    one = ("--workers", "1") if spec.workers else ()
    proved = max(len(agent.records) for agent in agents.values())
    lines = list(_requests(spec, agents, min(proved, steps), 0))
    pilot = counted(counter, program, lines[:PILOT], *one)
    how = method(counter)
    steps = min(steps, max(FEWEST[how], AFFORDABLE[how] // max(1, int(pilot.max()))))
    proved = min(proved, steps)
    spans = np.sort(
        counted(counter, program, list(_requests(spec, agents, proved, steps - proved)), *one)
    )
    worst = counted(counter, program, [*_heavy(spec, agents), *lines[:PILOT]], "--worst", *one)
    return {
        "schema": 1,
        "emulator": f"{Path(counter.emulator).name} {version(counter.emulator)}",
        "core": counter.core,
        "method": how,
        "steps": {"probe": proved, "environment": len(spans) - proved},
        "instructions": {
            "least": int(spans[0]),
            "p50": _rank(spans, 50),
            "p99": _rank(spans, 99),
            "most": int(spans[-1]),
            "worst": int(max(worst.max(), spans[-1])),
        },
        "loops": {name: data_loops(agent.plan) for name, agent in agents.items()}
        | {"the program": program_loops(max(LINE, request_bytes(spec.team)))},
    }


def _rank(ordered: Sequence[int] | np.ndarray[Any, Any], percent: int) -> int:
    """Return a percentile by the nearest rank."""
    return int(ordered[-(-len(ordered) * percent // 100) - 1])


def _requests(
    spec: ProgramSpec, agents: Mapping[str, Agent], proved: int, drawn: int
) -> list[Request]:
    sources = {
        name: [from_probe(agent.records, len(agent.model.num_obs)), from_model(agent.model, a)]
        for a, (name, agent) in enumerate(agents.items())
    }
    return list(requests(spec, sources, [proved, drawn]))


def _heavy(spec: ProgramSpec, agents: Mapping[str, Agent]) -> list[Request]:
    """Return steps with the largest tables, in enough number that every agent plans in one."""
    seen = {name: heaviest(agent.plan.tables, agent.plan.header) for name, agent in agents.items()}
    every = max(int(agent.plan.header.get("plan_every", 1)) for agent in agents.values())
    first = {name: Seen(True, one.observation, ()) for name, one in seen.items()}
    steps = [first, *[seen] * (2 * every)]
    return [request for step in steps for request in islice(encode(spec, step), 2)]
