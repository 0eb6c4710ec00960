"""C code for agents with quantized probabilities. For the loops see native/quantized.h."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from agentc.plan.files import Plan

READERS = {"uint16": "UINT16", "fp16": "FP16"}


def quantization_of(plan: Plan) -> dict[str, Any]:
    """Return the plan's quantization header; empty values for an exact plan."""
    quantization: dict[str, Any] = plan.header.get(
        "coded", {"storage": "", "modalities": [], "same": {}}
    )
    return quantization


def is_quantized(plan: Plan, m: int) -> bool:
    """Return whether the likelihood of modality m is quantized."""
    return m in quantization_of(plan)["modalities"]


def decoder_and_aliases(plan: Plan) -> Iterator[str]:
    """Generate the decoder of codes, and aliases for tables that are prefixes of others."""
    yield f"#define DECODE {READERS.get(quantization_of(plan)['storage'], '')}"
    yield from (
        f"#define {less} {more}" for less, more in sorted(quantization_of(plan)["same"].items())
    )


def palette(plan: Plan, m: int) -> str:
    """Return the palette of A as an argument, or "0"."""
    return f"A{m}_pal" if f"A{m}_pal" in plan.tables else "0"


def probability(plan: Plan, m: int) -> str:
    """Return C for the probability of entry e, at least 2^-52."""
    value = f"A{m}_pal[L{m}_val[e]]" if f"A{m}_pal" in plan.tables else f"DECODE((u32)L{m}_val[e])"
    return f"clip_to_floor({value})"


def likelihood(plan: Plan, m: int) -> str:
    """Return C for entry e of the likelihood: ratio to the background, or difference of
    logarithms.
    """
    probability = (
        f"A{m}_pal[L{m}_val[e]]" if f"A{m}_pal" in plan.tables else f"DECODE((u32)L{m}_val[e])"
    )
    return (
        f"clip_to_floor({probability}) * L{m}_over[o[{m}]]"
        if plan.header["product"]
        else f"(ln_decoded({probability}) - L{m}_ground[o[{m}]])"
    )


def longest_row(plan: Plan, m: int) -> int:
    """Return the length of the longest row of a likelihood, at least 1: C has no empty arrays."""
    return max(1, int(np.diff(plan.tables[f"L{m}_ptr"].astype(np.int64)).max()))


def neg_efe_call(plan: Plan, m: int, source: str) -> str:
    """Generate the evaluation of a quantized modality; `source` is C for its beliefs, columns and
    stride.
    """
    facts = plan.header["modalities"][m]
    return (
        f"    neg_efe_{m}(G{m}, {source}, {facts['outcomes']}, {facts['planes']}, "
        f"E{m}_ground, E{m}_ptr, "
        f"E{m}_col, E{m}_val, {palette(plan, m)}, W{m}_val);"
    )


def marginalize_call(plan: Plan, m: int) -> str:
    """Generate the sum over constant factors of a quantized modality."""
    facts = plan.header["modalities"][m]
    return (
        f"    marginalize_{m}(E{m}_val, {facts['entries']}, {facts['outcomes']}, E{m}_ptr, "
        f"E{m}_ground, X{m}_ptr, X{m}_src, "
        f"X{m}_val, {palette(plan, m)}, W{m}_val, constant_{m});"
    )
