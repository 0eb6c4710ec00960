"""Choices of the static cost model, each with its reason, for the report of an export.

Nothing is timed. The choices depend on the model alone, so every board has the same program text
and the same output bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from agentc.plan.files import Plan
from agentc.plan.loop_order import FIRST_CACHE, SECOND_CACHE, belief_bytes, reads_by_rows
from agentc.plan.lower_tables import WIDE
from agentc.plan.lower_transitions import MANY_ROWS, narrowed

Choice = dict[str, str]


def choices(plan: Plan) -> list[Choice]:
    """Return {"of": what, "chosen": how, "reason": why} for transitions, inference, modalities."""
    return [
        {"of": of, "chosen": chosen, "reason": reason}
        for part in (_transitions, _likelihoods, _contractions, _modalities, _loops)
        for of, chosen, reason in part(plan)
    ]


def _transitions(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for f, factor in enumerate(plan.header["factors"]):
        if not factor["blocks"]:
            continue
        ends = plan.tables[f"B{f}_ptr"].astype(np.int64)
        lengths = np.diff(ends)
        if f"B{f}_row" in plan.tables:
            yield (
                f"transitions of factor {f}",
                "rows by length",
                f"{len(lengths)} rows of {lengths.min()} to {lengths.max()} entries: in the order "
                "of states, the ends of their loops cannot be predicted",
            )
        elif lengths.min() != lengths.max():
            yield (
                f"transitions of factor {f}",
                "rows in the order of states",
                f"{len(lengths)} rows, fewer than {MANY_ROWS}: a processor remembers their lengths",
            )
        near = narrowed(plan.tables, f)
        if near:
            states = plan.header["num_states"][f]
            read = sum(
                int(ends[(block["slice"] + 1) * states] - ends[block["slice"] * states])
                for block in factor["blocks"]
            )
            yield (
                f"predictions of factor {f}",
                "values in float32",
                f"{4 * plan.tables[near].size} bytes more: a step reads each of {int(ends[-1])} "
                f"entries {read / max(1, int(ends[-1])):.3g} times, without a conversion; left out "
                "where a program is compiled for size",
            )


def _likelihoods(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for modalities, factors in plan.header.get("dense", ()):
        yield (
            f"likelihoods of {_listed('modality', 'modalities', modalities)}",
            "one dense array",
            f"their rows are added once a step; factors {_joined(factors)} are summed out in turn",
        )


def _contractions(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for k, facts in enumerate(plan.header.get("contractions", ())):
        contracted = [
            m for m, each in enumerate(plan.header["modalities"]) if each.get("contraction") == k
        ]
        yield (
            f"expected free energy of {_listed('modality', 'modalities', contracted)}",
            f"factors {_joined(facts['factors'])} are summed out in this order",
            f"{facts['multiplications']} multiplications; products of beliefs take "
            f"{facts['replaced']}",
        )


def _modalities(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for m, facts in enumerate(plan.header["modalities"]):
        columns = facts["columns"]
        wide, narrow = columns // WIDE, columns % WIDE
        vectors = [f"{wide} x {WIDE} lanes"] * (wide > 0) + [f"{narrow} lanes"] * (narrow > 0)
        yield (
            f"columns of modality {m}",
            " + ".join(vectors),
            f"{columns} columns of distinct beliefs, padded; a lane is a column, so each sum keeps "
            "its order",
        )


def _loops(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for m, facts in enumerate(plan.header["modalities"]):
        if "contraction" in facts:
            continue
        size = belief_bytes(plan, m)
        if size <= FIRST_CACHE:
            why = f"{size} bytes of beliefs, not more than a first cache of {FIRST_CACHE}"
        elif size > SECOND_CACHE:
            why = f"{size} bytes of beliefs, more than a second cache has room for: {SECOND_CACHE}"
        elif reads_by_rows(plan, m):
            why = f"{size} bytes of beliefs, more than a first cache: a row of them is read whole"
        else:
            why = "quantized entries are decoded at each use"
        yield (
            f"loops of modality {m}",
            f"by {'rows' if reads_by_rows(plan, m) else 'columns'}",
            why,
        )


def _listed(one: str, many: str, numbers: list[int]) -> str:
    return f"{one if len(numbers) == 1 else many} {_joined(numbers)}"


def _joined(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
