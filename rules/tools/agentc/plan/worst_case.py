"""Upper bounds of a step's operations, from the plan. Loops that depend on data are named.

Prediction and evaluation run the same loops at every step. Inference reads the rows of the observed
outcomes, and its fixed point ends early once no bit changes; both are counted at their longest.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from agentc.plan.cost_model import as_planned
from agentc.plan.data_loops import data_loops
from agentc.plan.files import Plan


def worst_case(plan: Plan) -> dict[str, Any]:
    """Return multiplications, logarithms and exponentials of a step at most, and its loops.

    data_loops.py describes a loop.
    """
    header = plan.header
    iterations = _iterations(plan)
    return {
        "multiplications": {
            "evaluation": as_planned(plan),
            "inference": _inference(plan, iterations),
            "next_prior": sum(_longest_slice(plan, f) for f in range(len(header["factors"]))),
        },
        "logarithms": sum(m["outcomes"] * m["columns"] for m in header["modalities"])
        + (0 if header["product"] else sum(header["num_states"])),
        "exponentials": header["n_policies"]
        + (0 if header["product"] else iterations * sum(header["num_states"])),
        "loops": data_loops(plan),
    }


def _iterations(plan: Plan) -> int:
    """Return the most iterations of the fixed point; messages of one factor need a single one."""
    several = any(len(parents) > 1 for parents in plan.header["A_dependencies"])
    return int(plan.header["num_iter"]) if several else 1


def _longest_row(plan: Plan, m: int) -> int:
    ends = plan.tables.get(f"L{m}_ptr")
    if ends is None:
        return prod(plan.header["num_states"][f] for f in plan.header["A_dependencies"][m])
    return int(np.diff(ends.astype(np.int64)).max(initial=0))


def _longest_slice(plan: Plan, f: int) -> int:
    """Return the entries of the transition of factor f that has the most."""
    ends = plan.tables[f"B{f}_ptr"].astype(np.int64)
    return int(np.diff(ends[:: plan.header["num_states"][f]]).max(initial=0))


def _inference(plan: Plan, iterations: int) -> int:
    header = plan.header
    dense = {m for modalities, _ in header.get("dense", ()) for m in modalities}
    count = 0
    for m, parents in enumerate(header["A_dependencies"]):
        if len(parents) == 1:
            count += _longest_row(plan, m)
        elif m not in dense:
            count += iterations * _longest_row(plan, m) * len(parents) * (len(parents) - 1)
    for _, factors in header.get("dense", ()):
        sizes = [header["num_states"][f] for f in factors]
        left = [prod(sizes[level:]) for level in range(len(sizes))]
        count += iterations * (2 * sum(left[:-1]) + sum(left[1:-1]))
    return count
