"""C code for contractions (plan/contraction.py). Loops are in native/contraction.h."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from agentc.plan.files import Plan


def storage(plan: Plan) -> Iterator[str]:
    """Generate the partial sums of each contraction, and its rows by tuple."""
    for k, facts in enumerate(plan.header.get("contractions", ())):
        for level in range(1, len(facts["factors"]) + 1):
            yield f"static f32 K{k}_{level}[{_left(plan, k, level)}];"
        yield f"static f32 K{k}_rows[{facts['rows'] * facts['columns']}];"


def _left(plan: Plan, k: int, level: int) -> int:
    """Return the size of the partial sums after `level` factors."""
    facts = plan.header["contractions"][k]
    return int(facts["rows"] * prod(plan.header["num_states"][f] for f in facts["factors"][level:]))


def contract(plan: Plan) -> Iterator[str]:
    """Generate the rows of all tuples. A tuple begins with the partial sums of the one before."""
    states, columns = plan.header["num_states"], [f["columns"] for f in plan.header["factors"]]
    for k, facts in enumerate(plan.header.get("contractions", ())):
        yield f"    for (i32 t = 0; t < {facts['tuples']}; t++) {{"
        for level, f in enumerate(facts["factors"]):
            source = f"K{k}_{level or 'array'}"
            last = level + 1 == len(facts["factors"])
            shared = "" if last else f"if (K{k}_level[t] <= {level}) "
            yield (
                f"        {shared}sum_out(K{k}_{level + 1}, {source}, "
                f"{_left(plan, k, level + 1)}, {states[f]}, Q{f} + K{k}_n{level}[t], {columns[f]});"
            )
        yield (
            f"        for (i32 r = 0; r < {facts['rows']}; r++) "
            f"K{k}_rows[r * {facts['columns']} + t] = K{k}_{len(facts['factors'])}[r];\n    }}"
        )


def neg_efe_call(plan: Plan, m: int) -> str:
    """Generate the evaluation of a contracted modality."""
    facts = plan.header["modalities"][m]
    first = facts["row"] * facts["columns"]
    return (
        f"    contracted_neg_efe(G{m}, K{facts['contraction']}_rows + {first}, {facts['columns']}, "
        f"{facts['outcomes']}, {facts['planes']}, E{m}_ground);"
    )
