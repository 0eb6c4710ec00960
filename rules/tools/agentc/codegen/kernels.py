"""C code of the kernels that an agent needs, for its own index types. Loops are in
native/kernel.h.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from agentc.codegen import quantized as emit_coded
from agentc.codegen.tables import c_type, table
from agentc.plan.cost_model import TINY
from agentc.plan.files import Plan
from agentc.plan.loop_order import reads_by_rows
from agentc.plan.lower_transitions import narrowed

FEW_BLOCKS = 16
"""Up to this number, each block of a factor is compiled for its own sizes: twice as fast, but
larger.
"""


def kernels(plan: Plan) -> Iterator[str]:
    """Generate the kernels that the agent needs, for its own index types."""

    def kind(name: str, otherwise: str = "") -> str:
        return c_type(plan.tables[name]) if name in plan.tables else otherwise

    for f, factor in enumerate(plan.header["factors"]):
        types = f"{kind(f'B{f}_ptr')}, {kind(f'B{f}_col')}, {kind(f'B{f}_row', 'u8')}"
        yield f"DEFINE_TRANSITION(transition_{f}, {types}, {kind(f'B{f}_val', 'f64')})"
        node = kind(f"N{f}_parent", "u8")
        if factor["blocks"]:
            many = "SEPARATE" if len(factor["blocks"]) > FEW_BLOCKS else "INLINE"
            yield from _predict(plan, f, f"{many}, predict_{f}, {types}, {node}")
        if any(len(block["reads"]) > 1 for block in factor["blocks"]):
            yield f"DEFINE_JOINT(joint_{f}, {node})"
    for m, facts in enumerate(plan.header["modalities"]):
        if "contraction" in facts:
            continue
        many, coded = facts["still"] > 1, "_QUANTIZED" * emit_coded.is_quantized(plan, m)
        order = "_BY_ROWS" * reads_by_rows(plan, m)
        yield (
            f"DEFINE_NEG_EFE{order or ('' if many else coded)}(neg_efe_{m}, {kind(f'E{m}_ptr')}, "
            f"{kind(f'E{m}_col')}, "
            f"{kind(f'E{m}_val', 'f32')})"
        )
        if many:
            rows = f"{kind(f'E{m}_ptr')}, " if coded else ""
            yield (
                f"DEFINE_MARGINALIZE{coded}(marginalize_{m}, {rows}{kind(f'X{m}_ptr')}, "
                f"{kind(f'X{m}_src')}, {kind(f'X{m}_val')})"
            )
    for f in inductive_factors(plan):
        yield (
            f"DEFINE_NEG_EFE(inductive_value_{f}, {kind(f'I{f}_ptr')}, {kind(f'I{f}_col')}, "
            f"{kind(f'I{f}_val')})"
        )


def _predict(plan: Plan, f: int, words: str) -> Iterator[str]:
    """Generate the kernel of predictions: with values in float32, or without if the size counts."""
    near = narrowed(plan.tables, f)
    value = c_type(plan.tables[f"B{f}_val"]) if f"B{f}_val" in plan.tables else "f64"
    exact = f"DEFINE_PREDICT({words}, {value}, f64)"
    if not near:
        yield exact
        return
    values = np.where(plan.tables[near] < TINY, 0.0, plan.tables[near]).astype(np.float32)
    yield f"#ifdef __OPTIMIZE_SIZE__\n#define B{f}_near {near}\n{exact}\n#else"
    yield table(f"B{f}_near", values)
    yield f"DEFINE_PREDICT({words}, {'f32' if near.endswith('val') else value}, f32)\n#endif"


def inductive_factors(plan: Plan) -> list[int]:
    """Return the factors with inductive planning."""
    return [f for f in range(len(plan.header["factors"])) if f"I{f}_row" in plan.tables]
