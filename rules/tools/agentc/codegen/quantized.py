"""C text for an agent whose probabilities are stored in codes; see native/quantized.h and quantize_plan.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from agentc.plan.files import Plan

READERS = {"uint16": "UINT16", "fp16": "FP16"}


def said(plan: Plan) -> dict[str, Any]:
    """What the plan says of its codes; of none in an exact plan."""
    found: dict[str, Any] = plan.header.get("coded", {"storage": "", "modalities": [], "same": {}})
    return found


def is_coded(plan: Plan, m: int) -> bool:
    """Whether the likelihood of modality m is in codes."""
    return m in said(plan)["modalities"]


def names(plan: Plan) -> Iterator[str]:
    """The reader of codes, and the names of tables that stand within another."""
    yield f"#define TOLD {READERS.get(said(plan)['storage'], '')}"
    yield from (f"#define {less} {more}" for less, more in sorted(said(plan)["same"].items()))


def palette(plan: Plan, m: int) -> str:
    """The palette of A as an argument: its name, or 0."""
    return f"A{m}_pal" if f"A{m}_pal" in plan.tables else "0"


def likelihood(plan: Plan, m: int) -> str:
    """C of entry e of the likelihood: its ratio to the background, or the difference of their logarithms."""
    told = f"A{m}_pal[L{m}_val[e]]" if f"A{m}_pal" in plan.tables else f"TOLD((u32)L{m}_val[e])"
    return (
        f"floored({told}) * L{m}_over[o[{m}]]"
        if plan.header["product"]
        else f"(ln_told({told}) - L{m}_ground[o[{m}]])"
    )


def longest(plan: Plan, m: int) -> int:
    """Entries of the longest row of a likelihood, one at least: an array in C has an element."""
    return max(1, int(np.diff(plan.tables[f"L{m}_ptr"].astype(np.int64)).max()))


def weigh(plan: Plan, m: int, words: tuple[str, int]) -> str:
    """The call that judges nodes of a coded modality; words = (where their beliefs are, columns)."""
    facts, (source, columns) = plan.header["modalities"][m], words
    return (
        f"    weigh_{m}(G{m}, {source}, {columns}, {facts['outcomes']}, {facts['planes']}, E{m}_ground, E{m}_ptr, "
        f"E{m}_col, E{m}_val, {palette(plan, m)}, W{m}_val);"
    )


def settle(plan: Plan, m: int) -> str:
    """The call that sums the still factors out of a coded modality."""
    facts = plan.header["modalities"][m]
    return (
        f"    settle_{m}(E{m}_val, {facts['entries']}, {facts['outcomes']}, E{m}_ptr, E{m}_ground, X{m}_ptr, X{m}_src, "
        f"X{m}_val, {palette(plan, m)}, W{m}_val, still_{m});"
    )
