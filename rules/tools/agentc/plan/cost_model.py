"""Cost of a step in multiplications: of the model as written, and of its plan.

Both count prediction of states and evaluation of policies, nearly all of a step. As written: every
policy at every time with dense arrays, as in pymdp, without products of beliefs. Of the plan: the
loops of native/kernel.h with padding to whole vectors and products of beliefs.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from agentc.ir.files import Model, shape_A, shape_B
from agentc.plan.files import Plan

TINY = 1e-12
"""Smaller entries of B are skipped in predictions, never in beliefs; see narrow() in
native/kernel.h.
"""


def costs(model: Model, plan: Plan) -> dict[str, Any]:
    """Return sizes and costs of a model and its plan."""
    return {
        "states": model.num_states,
        "observations": model.num_obs,
        "policies": model.num_policies,
        "policy_len": model.policy_len,
        "A": {
            "entries": sum(a.size for a in model.A),
            "nonzero": _nonzero(model.A),
            "kept": stored_entries(plan, "L"),
        },
        "B": {
            "entries": sum(b.size for b in model.B),
            "nonzero": _nonzero(model.B),
            "kept": stored_entries(plan, "B"),
        },
        "beliefs": {
            "by_policy": model.num_policies * model.policy_len,
            "prefixes": plan.header["prefixes"] - 1,
            "distinct": plan.header["places"],
            "nodes": [f["nodes"] for f in plan.header["factors"]],
        },
        "parents": {
            "before": _parents(model.A_dependencies) + _parents(model.B_dependencies),
            "after": _parents(plan.header["A_dependencies"])
            + sum(max(map(len, factor["reads"])) for factor in plan.header["factors"]),
        },
        **({"plan_every": model.plan_every} if model.keeps_plans else {}),
        **({"utility_only": model.utility_only} if model.utility_only else {}),
        "predicted": sum(factor["nodes"] > 1 for factor in plan.header["factors"]),
        "tiny": {
            "below": TINY.hex(),
            "B": sum(int(np.count_nonzero((b > 0.0) & (b < TINY))) for b in model.B),
        },
        "multiplications": {"before": as_written(model), "after": as_planned(plan)},
        "table_bytes": sum(table.nbytes for table in plan.tables.values()),
    }


def _parents(table: Sequence[Sequence[int]]) -> int:
    return sum(map(len, table))


def stored_entries(plan: Plan, letter: str) -> int:
    """Return the number of entries in the plan's sparse tables `<letter><number>`."""
    return sum(
        int(table[-1])
        for name, table in plan.tables.items()
        if name[0] == letter and name.endswith("_ptr")
    )


def as_written(model: Model) -> int:
    """Return multiplications of all policies at all times with every entry of A and B."""
    moved = sum(
        prod(shape_B(model, f)[: 1 + len(deps)]) for f, deps in enumerate(model.B_dependencies)
    )
    seen = 0
    for m, outcomes in enumerate(model.num_obs):
        size = prod(shape_A(model, m))
        seen += (
            size + model.gains_information(m) * (size // outcomes) + model.use_utility * outcomes
        )
    return model.num_policies * model.policy_len * (moved + seen)


def as_planned(plan: Plan) -> int:
    """Return multiplications of predict() and evaluate() as codegen/policy.py writes them."""
    states = plan.header["num_states"]
    count: int = 0
    for f, factor in enumerate(plan.header["factors"]):
        ends = plan.tables[f"B{f}_ptr"].astype(np.int64)
        for block in factor["blocks"]:
            index, nodes, read = block["slice"], block["count"], [d for d, _, _ in block["reads"]]
            count += int(ends[(index + 1) * states[f]] - ends[index * states[f]]) * nodes
            count += prod(states[d] for d in read) * nodes * (len(read) - 1)
    count += sum(int(each["multiplications"]) for each in plan.header.get("contractions", ()))
    for m, facts in enumerate(plan.header["modalities"]):
        if "contraction" in facts:
            continue
        count += int(plan.tables[f"E{m}_ptr"][-1]) * facts["columns"]
        joint = prod(states[f] for f in facts["moving"]) * facts["columns"]
        count += joint * (len(facts["moving"]) - 1)
        if facts["still"] > 1:
            count += plan.tables[f"X{m}_src"].size + facts["still"] * (
                len(facts["still_factors"]) - 1
            )
    return count


def _nonzero(arrays: tuple[Any, ...]) -> int:
    return sum(int(np.count_nonzero(array)) for array in arrays)
