"""Loops of a step whose number of rounds depends on data, and their bounds.

All other loops of the generated code have a number of rounds that is fixed at build time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from agentc.plan.files import Plan

POWERS = 45
"""Divisions and multiplications by ten of `decimal` in native/text.h."""


def data_loops(plan: Plan) -> list[dict[str, Any]]:
    """Return `loop`, `least` and `most` rounds, and what `ends` each loop, by agent."""
    return [
        {"loop": loop, "least": least, "most": most, "ends": ends}
        for loop, least, most, ends in _loops(plan)
        if most > least
    ]


def program_loops(request_bytes: int) -> list[dict[str, Any]]:
    """Return the loops outside of the agents. The counted requests have no blanks."""
    return [
        {"loop": "bytes of a request", "least": 1, "most": request_bytes, "ends": "the line ends"},
        {
            "loop": "powers of ten of an energy",
            "least": 0,
            "most": POWERS,
            "ends": "nine digits are before the point",
        },
    ]


def _loops(plan: Plan) -> Iterator[tuple[str, int, int, str]]:
    header = plan.header
    states, policies = header["num_states"], header["n_policies"]
    if not header.get("product") and (header.get("legacy") or _has_joint(header)):
        ends = "the free energy changes by less than 0.001" if header.get("legacy") else ""
        ends = ends or "the beliefs repeat"
        yield "rounds of state inference", 1, header["num_iter"], ends
        if not header.get("legacy"):
            yield "beliefs compared in a round", 1, sum(states), "two beliefs differ"
    for m in range(len(header["num_obs"])):
        if f"L{m}_ptr" in plan.tables:
            least, most = _rows(plan.tables[f"L{m}_ptr"], 1)
            yield f"entries of the likelihood, modality {m}", least, most, "the outcome's row ends"
    for f, size in enumerate(states):
        least, most = _rows(plan.tables[f"B{f}_ptr"], size)
        yield f"entries of the transition, factor {f}", least, most, "the action's slice ends"
        if f"I{f}_row" in plan.tables:
            yield f"most probable state, factor {f}", 1, size, "a state is within the tie"
    if header["action_selection"] == "stochastic":
        yield "weights summed for a draw", 1, policies, "the sum contains the random number"
    else:
        yield "policies searched for the best", 1, policies, "a policy is within the tie"
    every = header.get("plan_every", 1)
    yield (
        "evaluations of the policies",
        0 if every > 1 else 1,
        1,
        f"fewer than {every} steps have passed",
    )


def _has_joint(header: dict[str, Any]) -> bool:
    return any(len(parents) > 1 for parents in header["A_dependencies"])


def _rows(pointers: Any, size: int) -> tuple[int, int]:
    """Return the least and the most entries of `size` consecutive rows."""
    starts = pointers.astype(np.int64)[::size]
    entries = np.diff(starts)
    return int(entries.min()), int(entries.max())
