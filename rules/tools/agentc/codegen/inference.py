"""C code for inference: posterior, predicted beliefs and next prior. Loops are in
native/kernel.h.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from agentc.codegen import messages as emit_messages, quantized as emit_coded
from agentc.plan.files import Plan
from agentc.plan.lower_tables import padded
from agentc.plan.lower_transitions import narrowed


def plan_every(plan: Plan) -> int:
    """Return the number of steps between two evaluations of the policies."""
    return int(plan.header.get("plan_every", 1))


def offsets(sizes: Sequence[int]) -> list[int]:
    """Return the start of each factor in the concatenated beliefs, and their total length."""
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size)
    return starts


def optional(plan: Plan, name: str) -> str:
    """Return the table's name, or "0" if the plan lacks it."""
    return name if name in plan.tables else "0"


def values_and_palette(plan: Plan, letter: str) -> str:
    """Return the names of a table's values and palette as kernel arguments, "0" for a missing
    one.
    """
    return f"{optional(plan, f'{letter}_val')}, {optional(plan, f'{letter}_pal')}"


def predicted_values(plan: Plan, f: int) -> str:
    """Return the names of the values and palette of B for predictions, which are in float32."""
    names, near = values_and_palette(plan, f"B{f}"), narrowed(plan.tables, f)
    return names.replace(near, f"B{f}_near") if near else names


def stored_rows(plan: Plan, f: int, first: str) -> str:
    """Return C for the states of the rows from `first` on, "0" if they are in order."""
    return f"B{f}_row + {first}" if f"B{f}_row" in plan.tables else "0"


def entry(plan: Plan, letter: str) -> str:
    """Return C for the value of entry e."""
    return (
        f"{letter}_pal[{letter}_val[e]]" if f"{letter}_pal" in plan.tables else f"{letter}_val[e]"
    )


def likelihood(plan: Plan, m: int) -> str:
    """Return C for entry e of the likelihood of modality m."""
    return (
        emit_coded.likelihood(plan, m) if emit_coded.is_quantized(plan, m) else entry(plan, f"L{m}")
    )


def joint_states(plan: Plan, factors: Sequence[int]) -> int:
    """Return the number of joint states of some factors."""
    return prod(plan.header["num_states"][d] for d in factors)


def loops(states: Sequence[int], factors: Sequence[int]) -> str:
    """Return nested loop headers over joint states; s0 varies slowest, `i` counts the states."""
    return "    i = 0;\n" + "".join(
        f"    for (i32 s{j} = 0; s{j} < {states[f]}; s{j}++)\n" for j, f in enumerate(factors)
    )


def product(terms: Sequence[str]) -> str:
    """Return C for a product of probabilities, flushed to zero after each factor if negligible."""
    text = terms[0]
    for term in terms[1:]:
        text = f"flush({text} * {term})"
    return text


def joint_columns(
    plan: Plan, name: str, width: int, terms: Sequence[tuple[int, str]], likely: bool
) -> Iterator[str]:
    """Fill `name` (joint states, width) with products of the terms (factor, C), column by
    column.

    `likely` drops joint states below e^-16, as pymdp 0.0.7 does.
    """
    heads = loops(plan.header["num_states"], [f for f, _ in terms])
    value = product([text for _, text in terms])
    yield (
        f"    {{\n    i32 i;{heads}    {{\n        for (i32 n = 0; n < {width}; n++) "
        f"{name}[i * {width} + n] = {f'drop_unlikely({value})' if likely else value};\n        "
        "i++;\n    }\n    }"
    )


def infer(plan: Plan) -> Iterator[str]:
    """Generate `infer`: the posterior over states from prior and observations."""
    yield "static void infer(const i32 *o) {"
    yield from _infer_product(plan) if plan.header["product"] else _infer_fixed_point(plan)
    yield "}"


def _entries(m: int) -> str:
    return f"    for (u32 e = L{m}_ptr[o[{m}]]; e < L{m}_ptr[o[{m}] + 1]; e++)"


def _infer_product(plan: Plan) -> Iterator[str]:
    size = plan.header["num_states"][0]
    yield f"    for (i32 s = 0; s < {size}; s++) self.q[s] = clip_to_floor(self.prior[s]);"
    for m in range(len(plan.header["num_obs"])):
        yield f"{_entries(m)} self.q[L{m}_s0[e]] *= {likelihood(plan, m)};"
    yield "    f64 sum = 0.0;"
    yield f"    for (i32 s = 0; s < {size}; s++) sum += self.q[s];"
    yield f"    for (i32 s = 0; s < {size}; s++) self.q[s] = self.q[s] / sum;"
    yield "    self.evidence = sum;"


def _infer_fixed_point(plan: Plan) -> Iterator[str]:
    header = plan.header
    states, parents = header["num_states"], header["A_dependencies"]
    at, total = offsets(states), sum(states)
    yield f"    static f64 base[{total}], x[{total}], next[{total}];"
    yield f"    for (i32 s = 0; s < {total}; s++) base[s] = ln_f64(clip_to_floor(self.prior[s]));"
    for m, own in enumerate(parents):
        if len(own) == 1:
            yield f"{_entries(m)} base[{at[own[0]]} + L{m}_s0[e]] += {likelihood(plan, m)};"
    dense = emit_messages.dense_modalities(plan)
    joint = [m for m, own in enumerate(parents) if len(own) > 1 and m not in dense]
    yield from emit_messages.add_likelihoods(plan)
    for m in joint:
        if emit_coded.is_quantized(plan, m):  # once a step: a logarithm each
            yield f"    static f64 ln_A_{m}[{emit_coded.longest_row(plan, m)}];"
            yield f"{_entries(m)} ln_A_{m}[e - L{m}_ptr[o[{m}]]] = {likelihood(plan, m)};"
    for f, size in enumerate(states):
        yield f"    for (i32 s = {at[f]}; s < {at[f + 1]}; s++) self.q[s] = 1.0 / {size};"
    yield f"    for (i32 k = 0; k < {header['num_iter'] if joint or dense else 1}; k++) {{"
    yield f"    for (i32 s = 0; s < {total}; s++) x[s] = base[s];"
    for m in joint:
        yield from _messages(plan, m, [at[f] for f in parents[m]])
    yield from emit_messages.messages(plan, at)
    for f, size in enumerate(states):
        yield f"    softmax(next + {at[f]}, x + {at[f]}, {size});"
    yield f"    if (same(next, self.q, {total}) && !to_bounds) break;"
    yield f"    for (i32 s = 0; s < {total}; s++) self.q[s] = next[s];"
    yield "    }"


def _messages(plan: Plan, m: int, starts: Sequence[int]) -> Iterator[str]:
    """Generate the expected log likelihood of each parent under the beliefs of the others."""
    places = range(len(starts))
    value = (
        f"ln_A_{m}[e - L{m}_ptr[o[{m}]]]"
        if emit_coded.is_quantized(plan, m)
        else entry(plan, f"L{m}")
    )
    yield f"{_entries(m)} {{"
    yield "        u32 " + ", ".join(f"a{j} = {starts[j]} + L{m}_s{j}[e]" for j in places) + ";"
    for j in places:
        weight = " * ".join([value, *(f"self.q[a{i}]" for i in places if i != j)])
        yield f"        x[a{j}] += {weight};"
    yield "    }"


def variational_free_energy(plan: Plan) -> Iterator[str]:
    """Generate `vfe`: the variational free energy of the last inference, in nats."""
    header = plan.header
    at, dense = offsets(header["num_states"]), emit_messages.dense_modalities(plan)
    yield "static f64 free_energy(const i32 *o) {"
    yield "    f64 value = 0.0;"
    if header["product"]:
        yield "    value -= ln_f64(self.evidence);"
    else:
        yield f"    for (i32 s = 0; s < {at[-1]}; s++)"
        yield (
            "        value += self.q[s] * (ln_f64(clip_to_floor(self.q[s])) - "
            "ln_f64(clip_to_floor(self.prior[s])));"
        )
    for m, own in enumerate(header["A_dependencies"]):
        yield f"    value -= L{m}_ground[o[{m}]];"
        if not header["product"] and m not in dense:
            weight = " * ".join(f"self.q[{at[f]} + L{m}_s{j}[e]]" for j, f in enumerate(own))
            yield f"{_entries(m)} value -= {likelihood(plan, m)} * {weight};"
    yield from emit_messages.expectation(plan, at)
    yield "    return value;"
    yield "}"


def predict(plan: Plan) -> Iterator[str]:
    """Generate `predict`: beliefs at all nodes, by depth, because a block may read other
    factors.
    """
    factors, states = plan.header["factors"], plan.header["num_states"]
    at = offsets(states)
    yield "static void predict(void) {"
    for f, factor in enumerate(factors):
        yield (
            f"    for (i32 s = 0; s < {states[f]}; s++) Q{f}[s * {factor['columns']}] = "
            f"to_f32(self.q[{at[f]} + s]);"
        )
    blocks = [
        (block["depth"], f, block) for f, factor in enumerate(factors) for block in factor["blocks"]
    ]
    for _, f, block in sorted(blocks, key=lambda each: each[:2]):
        yield from _block(plan, f, block)
    yield "}"


def _block(plan: Plan, f: int, block: dict[str, Any]) -> Iterator[str]:
    """Generate the nodes that one transition makes at one depth."""
    factors, states = plan.header["factors"], plan.header["num_states"]
    size, count, sources = states[f], block["count"], block["reads"]
    if len(sources) == 1:
        d, run, offset = sources[0]
        source, stride = f"Q{d} + {max(run, 0)}", factors[d]["columns"]
        parent = f"N{f}_parent + {offset}" if run < 0 else "0"
    else:
        yield from _joint_belief(plan, f, block)
        source, stride, parent = f"joint[{len(sources) % 2}]", padded(count), "0"
    yield (
        f"    predict_{f}(Q{f} + {block['first']}, {factors[f]['columns']}, {source}, {stride}, "
        f"{count}, {parent}, "
        f"{size}, B{f}_ptr + {block['slice'] * size}, B{f}_col, "
        f"{stored_rows(plan, f, str(block['slice'] * size))}, {predicted_values(plan, f)});"
    )


def _joint_belief(plan: Plan, f: int, block: dict[str, Any]) -> Iterator[str]:
    """Generate the joint belief that a block reads: one column a node, one factor at a time."""
    count, width, states = block["count"], padded(block["count"]), plan.header["num_states"]
    sources = [
        f"Q{d} + {max(run, 0)}, {states[d]}, {plan.header['factors'][d]['columns']}, "
        + (f"N{f}_parent + {offset}" if run < 0 else "0")
        for d, run, offset in block["reads"]
    ]
    have, rows = sources[0], states[block["reads"][0][0]]
    for k, (d, _, _) in enumerate(block["reads"][1:]):
        yield f"    joint_{f}(joint[{k % 2}], {width}, {count}, {have}, {sources[k + 1]});"
        rows *= states[d]
        have = f"joint[{k % 2}], {rows}, {width}, 0"


def advance(plan: Plan) -> Iterator[str]:
    """Generate `advance` (next prior from the executed action) and `reset` (prior D)."""
    header = plan.header
    states = header["num_states"]
    at = offsets(states)
    yield "static void advance(const i32 *action) {\n    (void)action;"
    for f, controls in enumerate(header["actions"]):
        flat = "0"
        for column, choices in controls:
            flat = f"({flat} * {choices} + action[{column}])"
        yield f"    {{\n    u32 u = B{f}_slice[{flat}];"
        for number, read in enumerate(header["factors"][f]["reads"]):
            chosen = f"if (B{f}_set[u] == {number}) " if f"B{f}_set" in plan.tables else ""
            yield f"    {chosen}{{"
            yield from _transition(plan, f, read)
            yield "    }"
        yield "    }"
    yield "}"
    forget = "\n    self.plan_step = 0;" if plan_every(plan) > 1 else ""
    yield (
        f"static void reset(void) {{\n    for (i32 s = 0; s < {at[-1]}; s++) self.prior[s] = "
        f"D[s];{forget}\n}}"
    )


def _transition(plan: Plan, f: int, read: Sequence[int]) -> Iterator[str]:
    """Generate the next prior of factor f for one slice."""
    states = plan.header["num_states"]
    at, size = offsets(states), states[f]
    source = f"self.q + {at[read[0]]}"
    if len(read) > 1:
        source = "joint_q"
        yield f"    static f64 joint_q[{joint_states(plan, read)}];\n    i32 i;"
        product = " * ".join(f"self.q[{at[d]} + s{j}]" for j, d in enumerate(read))
        yield f"{loops(states, read)}        joint_q[i++] = {product};"
    yield (
        f"    transition_{f}(self.prior + {at[f]}, {source}, {size}, B{f}_ptr + u * {size}, "
        f"B{f}_col, {stored_rows(plan, f, f'u * {size}')}, {values_and_palette(plan, f'B{f}')});"
    )
