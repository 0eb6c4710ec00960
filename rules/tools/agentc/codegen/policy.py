"""C code for an agent's storage, policy evaluation and action selection. Loops are in
native/kernel.h.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from agentc.codegen import (
    contraction as emit_contraction,
    messages as emit_messages,
    quantized as emit_coded,
)
from agentc.codegen.inference import (
    joint_columns,
    joint_states,
    loops,
    offsets,
    optional,
    plan_every,
    product,
    values_and_palette,
)
from agentc.codegen.kernels import inductive_factors
from agentc.codegen.tables import literal
from agentc.plan.files import Plan
from agentc.plan.lower_tables import padded


def storage(plan: Plan) -> Iterator[str]:
    """Generate the static storage of the agent. Its sizes are fixed at build time."""
    header = plan.header
    states = header["num_states"]
    fields = [
        f"f64 prior[{sum(states)}], q[{sum(states)}]",
        *["f64 evidence"] * bool(header["product"]),
        *["f64 vfe"] * ("legacy" in header),
        *["u64 seed, draw_count"] * _is_stochastic(plan),
        *["u32 plan_step, policy", "f32 neg_efe"] * (plan_every(plan) > 1),
    ]
    yield f"static struct {{ {'; '.join(fields)}; }} self;"
    for f, factor in enumerate(header["factors"]):
        yield f"static f32 Q{f}[{states[f] * factor['columns']}];"
    for m, facts in enumerate(header["modalities"]):
        yield f"static f32 G{m}[{facts['planes'] * facts['columns']}];"
        if "contraction" in facts:
            continue
        if facts["still"] > 1:
            yield (
                f"static f32 constant_{m}[{facts['still']}], E{m}_val[{max(1, facts['entries'])}];"
            )
        if _needs_joint(facts):
            yield f"static f32 J{m}[{prod(states[f] for f in facts['moving']) * facts['columns']}];"
    yield from emit_contraction.storage(plan)
    yield from emit_messages.storage(plan)
    meetings = [
        joint_states(plan, [d for d, _, _ in block["reads"]]) * padded(block["count"])
        for factor in header["factors"]
        for block in factor["blocks"]
        if len(block["reads"]) > 1
    ]
    if meetings:
        yield f"static f32 joint[2][{max(meetings)}];"
    yield f"static f32 step_neg_efe[{header['places']}], prefix_neg_efe[{header['prefixes']}];"
    count = header["n_policies"]
    yield f"static f32 neg_efe[{count}], logit[{count}], q_pi[{count}];"
    for f in inductive_factors(plan):
        yield f"static f32 inductive_{f}[{header['factors'][f]['columns']}];"
    if _is_stochastic(plan):
        sizes = header["num_controls"]
        groups = _groups(plan) if header["sampling_mode"] == "marginal" else []
        most = max([count, *sizes, *(prod(sizes[c] for c in group) for group in groups)])
        yield f"static f64 weights[{most}];"


def evaluate(plan: Plan) -> Iterator[str]:
    """Generate `evaluate`: negative expected free energy of every node tuple, then of every
    policy.
    """
    header = plan.header
    yield "static void evaluate(void) {"
    yield from emit_contraction.contract(plan)
    for m, facts in enumerate(header["modalities"]):
        if "contraction" in facts:
            yield emit_contraction.neg_efe_call(plan, m)
            continue
        if facts["still"] > 1:
            yield from _constant_factors(plan, m, facts)
        if _needs_joint(facts):
            yield from _joint(plan, m, facts)
        source = _evaluated(plan, m)
        if facts["still"] == 1 and emit_coded.is_quantized(plan, m):
            yield emit_coded.neg_efe_call(plan, m, source)
            continue
        yield (
            f"    neg_efe_{m}(G{m}, {source}, {facts['outcomes']}, {facts['planes']}, "
            f"E{m}_ground, E{m}_ptr, E{m}_col, E{m}_val, {optional(plan, f'E{m}_pal')});"
        )
    yield from _inductive_values(plan)
    terms = " + ".join(
        [
            *(f"G{m}[G{m}_at[i]]" for m in range(len(header["modalities"]))),
            *(f"inductive_{f}[I{f}_at[i]]" for f in inductive_factors(plan)),
        ]
    )
    yield f"    for (i32 i = 0; i < {header['places']}; i++) step_neg_efe[i] = {terms};"
    yield f"    for (i32 i = 1; i < {header['prefixes']}; i++)"
    yield "        prefix_neg_efe[i] = prefix_neg_efe[P_parent[i]] + step_neg_efe[P_place[i]];"
    yield (
        f"    for (i32 p = 0; p < {header['n_policies']}; p++) neg_efe[p] = "
        "prefix_neg_efe[P_leaf[p]];"
    )
    yield "}"


def _inductive_values(plan: Plan) -> Iterator[str]:
    """Generate the inductive term of each factor from its most probable state."""
    header = plan.header
    at = offsets(header["num_states"])
    for f in inductive_factors(plan):
        yield (
            f"    {{\n    u32 r = I{f}_row[most_probable_state(self.q + {at[f]}, "
            f"{header['num_states'][f]})];\n"
            f"    inductive_value_{f}(inductive_{f}, Q{f}, {header['factors'][f]['columns']}, "
            f"{header['factors'][f]['columns']}, 0, 1, I{f}_ground + r, I{f}_ptr + r, "
            f"I{f}_col, {values_and_palette(plan, f'I{f}')});\n    }}"
        )


def _evaluated(plan: Plan, m: int) -> str:
    """Return C for the beliefs that a modality evaluates, their columns, and the stride of rows."""
    facts = plan.header["modalities"][m]
    if _needs_joint(facts):
        return f"J{m}, {facts['columns']}, {facts['columns']}"
    f, first = facts["moving"][0], facts["first"]
    return f"Q{f} + {first}, {facts['columns']}, {plan.header['factors'][f]['columns']}"


def _constant_factors(plan: Plan, m: int, facts: dict[str, Any]) -> Iterator[str]:
    """Generate the joint belief of the constant factors, and sum them out of the entries."""
    columns = [plan.header["factors"][f]["columns"] for f in facts["still_factors"]]
    terms = [f"Q{f}[s{j} * {columns[j]}]" for j, f in enumerate(facts["still_factors"])]
    yield "    {\n    i32 i;"
    yield loops(plan.header["num_states"], facts["still_factors"])
    yield f"        constant_{m}[i++] = {product(terms)};"
    if emit_coded.is_quantized(plan, m):
        yield emit_coded.marginalize_call(plan, m) + "\n    }"
        return
    yield (
        f"    marginalize_{m}(E{m}_val, {facts['entries']}, X{m}_ptr, X{m}_src, "
        f"{values_and_palette(plan, f'X{m}')}, constant_{m});\n    }}"
    )


def _joint(plan: Plan, m: int, facts: dict[str, Any]) -> Iterator[str]:
    """Generate the joint belief of the varying parents for each distinct tuple of their nodes."""
    factors, width = facts["moving"], facts["columns"]
    columns = [plan.header["factors"][f]["columns"] for f in factors]
    terms = [(f, f"Q{f}[s{j} * {columns[j]} + J{m}_n{j}[n]]") for j, f in enumerate(factors)]
    yield from joint_columns(plan, f"J{m}", width, terms, "likely" in facts)


def _needs_joint(facts: dict[str, Any]) -> bool:
    """Return whether the parents' beliefs are multiplied before the modality is evaluated."""
    return len(facts["moving"]) > 1 or "likely" in facts


def _groups(plan: Plan) -> list[list[int]]:
    """Return the controls that are selected together: those of one factor, once for equal
    factors.
    """
    groups: list[list[int]] = []
    for row in plan.header["actions"]:
        group = [column for column, _ in row]
        if group and group not in groups:
            groups.append(group)
    return groups


def _split_joint_action(group: Sequence[int], sizes: Sequence[int], best: str) -> Iterator[str]:
    """Generate the action of each control of a group. Division would need a library on small
    processors.
    """
    if len(group) == 1:
        yield f"    action[{group[0]}] = {best};\n    }}"
        return
    yield f"    i32 chosen = {best};"
    for place, c in enumerate(group[:-1]):
        stride = prod(sizes[d] for d in group[place + 1 :])
        yield f"    for (action[{c}] = 0; chosen >= {stride}; chosen -= {stride}) action[{c}]++;"
    yield f"    action[{group[-1]}] = chosen;\n    }}"


def _is_stochastic(plan: Plan) -> bool:
    """Return whether actions are sampled."""
    return bool(plan.header["action_selection"] == "stochastic")


def step(plan: Plan) -> Iterator[str]:
    """Generate `step`: infer, predict, evaluate, select."""
    header = plan.header
    controls = len(header["num_controls"])
    if plan_every(plan) > 1:
        yield from _step_with_plan(plan)
        return
    yield "static i32 step(const i32 *o, i32 *action) {"
    yield "    infer(o);"
    yield from _policy_posterior(plan)
    if header["sampling_mode"] == "marginal" and controls:
        yield from _marginal(plan)
    else:
        yield f"    i32 chosen = {_select(plan, 'logit', header['n_policies'], 0)};"
        for c in range(controls):
            yield f"    action[{c}] = P_first[chosen * {controls} + {c}];"
    if _is_stochastic(plan):
        yield "    self.draw_count++;"
    yield "    (void)action;\n    return chosen;\n}"


def _policy_posterior(plan: Plan) -> Iterator[str]:
    """Generate the posterior over policies."""
    count = plan.header["n_policies"]
    gamma = literal(float.fromhex(plan.header["gamma"]), "f64")
    habit = " + P_habit[p]" if "P_habit" in plan.tables else ""
    yield "    predict();\n    evaluate();"
    yield f"    for (i32 p = 0; p < {count}; p++) logit[p] = (f32){gamma} * neg_efe[p]{habit};"
    yield f"    softmax_policies(q_pi, logit, {count});"


def _step_with_plan(plan: Plan) -> Iterator[str]:
    """Generate a step that evaluates policies at every k-th step and follows the plan between
    them.

    `plan_step` is the position in the plan. A forged state with values beyond the tables makes a
    new plan.
    """
    count, controls, every = (
        plan.header["n_policies"],
        len(plan.header["num_controls"]),
        plan_every(plan),
    )
    yield "static i32 step(const i32 *o, i32 *action) {"
    yield (
        f"    infer(o);\n    if (self.plan_step - 1u >= {every - 1}u || self.policy >= {count}u) {{"
    )
    yield from _policy_posterior(plan)
    yield f"    self.policy = (u32){_select(plan, 'logit', count, 0)};"
    yield "    self.neg_efe = neg_efe[self.policy];\n    self.plan_step = 0;"
    if _is_stochastic(plan):
        yield "    self.draw_count++;"
    yield "    }\n    neg_efe[self.policy] = self.neg_efe;"
    for c in range(controls):
        yield (
            f"    action[{c}] = P_first[(self.policy * {every}u + self.plan_step) * "
            f"{controls}u + {c}u];"
        )
    yield f"    self.plan_step = self.plan_step + 1u < {every}u ? self.plan_step + 1u : 0u;"
    yield "    (void)action;\n    return (i32)self.policy;\n}"


def _select(plan: Plan, logits: str, count: int, place: int) -> str:
    """Generate the selection of one alternative by its logit; `place` selects the random number of
    a draw.
    """
    if _is_stochastic(plan):
        alpha = literal(float.fromhex(plan.header["alpha"]), "f64")
        return (
            f"sample_action(weights, {logits}, {count}, {alpha}, uniform(self.seed, "
            f"self.draw_count, {place}))"
        )
    return f"tied_argmax({logits}, {count})"


def _marginal(plan: Plan) -> Iterator[str]:
    """Generate marginal selection by factor. The policy is the best that begins so, else the
    best.
    """
    sizes, count = plan.header["num_controls"], plan.header["n_policies"]
    controls = len(sizes)
    fits = " && ".join(f"P_first[p * {controls} + {c}] == action[{c}]" for c in range(controls))
    for number, group in enumerate(_groups(plan)):
        n, flat = prod(sizes[c] for c in group), f"P_first[p * {controls} + {group[0]}]"
        for c in group[1:]:
            flat = f"({flat} * {sizes[c]} + P_first[p * {controls} + {c}])"
        yield f"    {{\n    f64 m[{n}] = {{0}};\n    f32 l[{n}];"
        yield f"    for (i32 p = 0; p < {count}; p++) m[{flat}] += (f64)q_pi[p];"
        yield f"    for (i32 u = 0; u < {n}; u++) l[u] = (f32)ln_f64(m[u] < 1e-30 ? 1e-30 : m[u]);"
        yield from _split_joint_action(group, sizes, _select(plan, "l", n, number))
    yield f"    i32 any = 0;\n    for (i32 p = 0; p < {count}; p++) any |= {fits};"
    yield f"    if (any) for (i32 p = 0; p < {count}; p++) if (!({fits})) logit[p] = -1e38f;"
    yield f"    i32 chosen = tied_argmax(logit, {count});"
