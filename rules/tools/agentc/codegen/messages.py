"""C code for messages of dense likelihoods (plan/dense_likelihoods.py). Loops are in
native/contraction.h.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from agentc.plan.files import Plan


def dense_modalities(plan: Plan) -> set[int]:
    """Return the modalities whose likelihoods are dense."""
    return {m for modalities, _ in plan.header.get("dense", ()) for m in modalities}


def storage(plan: Plan) -> Iterator[str]:
    """Generate the summed likelihoods of each group, partial sums, and products of beliefs."""
    for g, (_, factors) in enumerate(plan.header.get("dense", ())):
        for level in range(len(factors)):
            yield f"static f64 T{g}_{level}[{_size(plan, factors[level:])}];"
        for level in range(1, len(factors) - 1):
            yield f"static f64 W{g}_{level}[{_size(plan, factors[level:])}];"


def _size(plan: Plan, factors: Sequence[int]) -> int:
    return prod(plan.header["num_states"][f] for f in factors)


def add_likelihoods(plan: Plan) -> Iterator[str]:
    """Generate T<g>_0: the sum of the rows of the observed outcomes, once a step."""
    for g, (modalities, factors) in enumerate(plan.header.get("dense", ())):
        size = _size(plan, factors)
        rows = []
        for m in modalities:
            value = f"L{m}_val[o[{m}] * {size} + i]"
            rows.append(f"L{m}_pal[{value}]" if f"L{m}_pal" in plan.tables else value)
        yield f"    for (i32 i = 0; i < {size}; i++) T{g}_0[i] = {' + '.join(rows)};"


def messages(plan: Plan, at: Sequence[int]) -> Iterator[str]:
    """Generate the messages to all factors: what follows a factor is a product of beliefs, what is
    before it is summed out.
    """
    states = plan.header["num_states"]
    for g, (_, factors) in enumerate(plan.header.get("dense", ())):
        last = len(factors) - 1
        for level in range(last - 1, 0, -1):
            yield (
                f"    outer(W{g}_{level}, self.q + {at[factors[level]]}, {states[factors[level]]}, "
                f"{_beliefs(factors, g, level + 1, at)}, {_size(plan, factors[level + 1 :])});"
            )
        for level, f in enumerate(factors[:-1]):
            rest = _size(plan, factors[level + 1 :])
            yield (
                f"    add_dots(x + {at[f]}, T{g}_{level}, {states[f]}, {rest}, "
                f"{_beliefs(factors, g, level + 1, at)});"
            )
            yield from _sum_out(plan, g, level, at)
        f = factors[-1]
        yield f"    for (i32 s = 0; s < {states[f]}; s++) x[{at[f]} + s] += T{g}_{last}[s];"


def _beliefs(factors: Sequence[int], g: int, level: int, at: Sequence[int]) -> str:
    """Return C for the product of the beliefs from a level on."""
    last = len(factors) - 1
    return f"W{g}_{level}" if level < last else f"self.q + {at[factors[last]]}"


def _sum_out(plan: Plan, g: int, level: int, at: Sequence[int]) -> Iterator[str]:
    factors = plan.header["dense"][g][1]
    f = factors[level]
    yield (
        f"    sum_out_f64(T{g}_{level + 1}, T{g}_{level}, {_size(plan, factors[level + 1 :])}, "
        f"{plan.header['num_states'][f]}, self.q + {at[f]});"
    )


def expectation(plan: Plan, at: Sequence[int]) -> Iterator[str]:
    """Generate the expected log likelihoods of the last step, subtracted from `value`."""
    states = plan.header["num_states"]
    for g, (_, factors) in enumerate(plan.header.get("dense", ())):
        for level in range(len(factors) - 1):
            yield from _sum_out(plan, g, level, at)
        f = factors[-1]
        yield (
            f"    for (i32 s = 0; s < {states[f]}; s++) "
            f"value -= T{g}_{len(factors) - 1}[s] * self.q[{at[f]} + s];"
        )
