"""Order of the loops of expected free energy, by the beliefs that they read and the caches.

Either order gives the same bits: an element of a result has one accumulator and one order of its
terms. By columns, all rows of A are read for one vector of columns, then for the next vector. By
rows, each row is read for all columns, so a row of beliefs is read whole. That has fewer misses of
the first cache if the beliefs exceed it, and no more misses of the second one if it holds them. The
bounds hold for all boards of the catalogue whose caches are known, so all have one program text.
"""

from __future__ import annotations

from math import prod

from agentc.plan.files import Plan

FIRST_CACHE = 64 << 10
"""Bytes of the largest data cache of one core."""
SECOND_CACHE = 192 << 10
"""Three quarters of the smallest second cache; the rest is for tables."""


def belief_bytes(plan: Plan, m: int) -> int:
    """Return the bytes of the predicted beliefs that modality m reads in a step."""
    facts = plan.header["modalities"][m]
    states = prod(plan.header["num_states"][f] for f in facts["moving"])
    return int(4 * states * facts["columns"])


def reads_by_rows(plan: Plan, m: int) -> bool:
    """Return whether modality m is evaluated by rows. Quantized ones decode entries at each use."""
    exact = m not in plan.header.get("coded", {"modalities": ()})["modalities"]
    by_table = "contraction" not in plan.header["modalities"][m]
    return exact and by_table and FIRST_CACHE < belief_bytes(plan, m) <= SECOND_CACHE
