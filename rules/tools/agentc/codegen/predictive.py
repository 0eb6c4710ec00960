"""C code for the probability of an observed outcome under the prior of its step.

The functions are separate from the agent: a program without a monitor does not link them. With the
background b of an outcome's row and the ratios r of the other entries to it,

    p(o) = sum_s A[o, s] prior(s) = b (1 + sum_entries (r - 1) prior(s)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
from agentc.codegen import inference, quantized
from agentc.codegen.names import symbol
from agentc.codegen.tables import table
from agentc.numerics import exact_math
from agentc.plan.files import Plan


def predicted_symbol(name: str, m: int) -> str:
    """Return the C symbol of the function of modality m of the agent `name`."""
    return symbol(name).replace("agent_", "inverse_predicted_", 1) + f"_{m}"


def predictive(plan: Plan, name: str) -> Iterator[str]:
    """Generate `inverse_predicted_<name>_<m>` for each modality: 1 / p(o[m]), with p >= 2^-52."""
    legacy = bool(plan.header.get("legacy"))
    for m in range(len(plan.header["num_obs"])):
        if not legacy:
            yield from _tables(plan, m)
        yield f"extern f32 {predicted_symbol(name, m)}(const i32 *o);"
        yield f"f32 {predicted_symbol(name, m)}(const i32 *o) {{"
        yield from _dense(plan, m) if legacy else _sparse(plan, m)
        yield "}"


def _has_evidence(plan: Plan) -> bool:
    """Return whether `self.evidence` is the probability of the only modality, up to the
    background.
    """
    return bool(plan.header["product"]) and len(plan.header["num_obs"]) == 1


def _tables(plan: Plan, m: int) -> Iterator[str]:
    """Generate R<m>_ground, the background of each outcome, and missing tables of ratios - 1."""
    yield table(f"R{m}_ground", exact_math.exp(plan.tables[f"L{m}_ground"]))
    if quantized.is_quantized(plan, m) or _has_evidence(plan):
        return
    key = f"L{m}_pal" if f"L{m}_pal" in plan.tables else f"L{m}_val"
    values = plan.tables[key]
    if plan.header["product"]:
        if key.endswith("pal"):
            yield table(f"R{m}_pal", values - 1.0)
        return
    ratios = exact_math.exp(values) - 1.0
    yield table(f"R{m}_{key[-3:]}", ratios if key.endswith("pal") else ratios.astype(np.float32))


def _excess(plan: Plan, m: int) -> str:
    """Return C for r - 1 of entry e."""
    if quantized.is_quantized(plan, m):
        return f"({quantized.probability(plan, m)} / R{m}_ground[o[{m}]] - 1.0)"
    if f"L{m}_pal" in plan.tables:
        return f"R{m}_pal[L{m}_val[e]]"
    return f"(L{m}_val[e] - 1.0)" if plan.header["product"] else f"(f64)R{m}_val[e]"


def _joint_factors(plan: Plan, m: int) -> list[int] | None:
    """Return the factors of a dense likelihood, the first varying slowest; None if it is sparse."""
    groups = plan.header.get("dense", ())
    return next((list(factors) for modalities, factors in groups if m in modalities), None)


def _sparse(plan: Plan, m: int) -> Iterator[str]:
    if _has_evidence(plan):
        yield f"    return 1.0f / (f32)clip_to_floor(self.evidence * R{m}_ground[o[{m}]]);"
        return
    joint = _joint_factors(plan, m)
    if joint is not None:
        yield "    f64 sum = 1.0;"
        yield from _sum_over(plan, m, joint, _excess(plan, m))
        yield f"    return 1.0f / (f32)clip_to_floor(sum * R{m}_ground[o[{m}]]);"
        return
    at = inference.offsets(plan.header["num_states"])
    weight = " * ".join(
        f"self.prior[{at[f]} + L{m}_s{j}[e]]"
        for j, f in enumerate(plan.header["A_dependencies"][m])
    )
    yield "    f64 sum = 1.0;"
    yield (
        f"    for (u32 e = L{m}_ptr[o[{m}]]; e < L{m}_ptr[o[{m}] + 1]; e++) "
        f"sum += {_excess(plan, m)} * {weight};"
    )
    yield f"    return 1.0f / (f32)clip_to_floor(sum * R{m}_ground[o[{m}]]);"


def _dense(plan: Plan, m: int) -> Iterator[str]:
    """Generate the sum over all joint states of the parents: agents of pymdp 0.0.7."""
    yield "    f64 sum = 0.0;"
    parents = plan.header["A_dependencies"][m]
    yield from _sum_over(plan, m, parents, inference.entry(plan, f"L{m}"))
    yield "    return 1.0f / (f32)clip_to_floor(sum);"


def _sum_over(plan: Plan, m: int, factors: Sequence[int], value: str) -> Iterator[str]:
    """Generate the sum of `value` of entry e over the joint states of factors, by their priors."""
    states = plan.header["num_states"]
    at = inference.offsets(states)
    weight = " * ".join(f"self.prior[{at[f]} + s{j}]" for j, f in enumerate(factors))
    size = prod(states[f] for f in factors)
    yield f"    i32 i;\n    u32 row = (u32)o[{m}] * {size}u;"
    yield f"{inference.loops(states, factors)}    {{\n        u32 e = row + (u32)i++;"
    yield f"        sum += {value} * {weight};\n    }}"
