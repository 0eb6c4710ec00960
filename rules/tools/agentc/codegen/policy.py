"""C text of an agent's storage and of how it judges and chooses; see native/kernel.h for the loops it calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from agentc.codegen import quantized as emit_coded
from agentc.codegen.inference import (
    joined,
    joint_states,
    loops,
    offsets,
    optional,
    plan_every,
    product,
    valued,
)
from agentc.codegen.tables import c_type, literal
from agentc.plan.files import Plan
from agentc.plan.lower_tables import padded

FEW_BLOCKS = 16
"""Up to so many, a factor's blocks are compiled each for its own sizes: twice as fast, and larger."""


def instances(plan: Plan) -> Iterator[str]:
    """The kernels this agent needs, for its own index types."""

    def kind(name: str, otherwise: str = "") -> str:
        return c_type(plan.tables[name]) if name in plan.tables else otherwise

    for f, factor in enumerate(plan.header["factors"]):
        types = f"{kind(f'B{f}_ptr')}, {kind(f'B{f}_col')}"
        yield f"DEFINE_MARCH(march_{f}, {types}, {kind(f'B{f}_val', 'f64')})"
        node, value = kind(f"N{f}_parent", "u8"), kind(f"B{f}_val", "f64")
        if factor["blocks"]:
            many = "SEPARATE" if len(factor["blocks"]) > FEW_BLOCKS else "INLINE"
            yield f"DEFINE_SPREAD({many}, spread_{f}, {types}, {node}, {value})"
        if any(len(block["reads"]) > 1 for block in factor["blocks"]):
            yield f"DEFINE_MEET(meet_{f}, {node})"
    for m, facts in enumerate(plan.header["modalities"]):
        many, coded = facts["still"] > 1, "_CODED" * emit_coded.is_coded(plan, m)
        yield (
            f"DEFINE_WEIGH{'' if many else coded}(weigh_{m}, {kind(f'E{m}_ptr')}, {kind(f'E{m}_col')}, "
            f"{kind(f'E{m}_val', 'f32')})"
        )
        if many:
            rows = f"{kind(f'E{m}_ptr')}, " if coded else ""
            yield f"DEFINE_SETTLE{coded}(settle_{m}, {rows}{kind(f'X{m}_ptr')}, {kind(f'X{m}_src')}, {kind(f'X{m}_val')})"
    for f in _inductive(plan):
        yield f"DEFINE_WEIGH(pull_to_{f}, {kind(f'I{f}_ptr')}, {kind(f'I{f}_col')}, {kind(f'I{f}_val')})"


def _inductive(plan: Plan) -> list[int]:
    """The factors whose goals are planned for inductively."""
    return [f for f in range(len(plan.header["factors"])) if f"I{f}_row" in plan.tables]


def storage(plan: Plan) -> Iterator[str]:
    """All state of the agent: static, sized at build time."""
    header = plan.header
    states = header["num_states"]
    held = [
        f"f64 prior[{sum(states)}], q[{sum(states)}]",
        *["f64 evidence"] * (header["product"] or "legacy" in header),
        *["u64 seed, drawn"] * _draws(plan),
        *["u32 ahead, policy", "f32 worth"] * (plan_every(plan) > 1),
    ]
    yield f"static struct {{ {'; '.join(held)}; }} self;"
    for f, factor in enumerate(header["factors"]):
        yield f"static f32 Q{f}[{states[f] * factor['columns']}];"
    for m, facts in enumerate(header["modalities"]):
        yield f"static f32 G{m}[{facts['planes'] * facts['columns']}];"
        if facts["still"] > 1:
            yield f"static f32 still_{m}[{facts['still']}], E{m}_val[{max(1, facts['entries'])}];"
        if _joins(facts):
            yield f"static f32 J{m}[{prod(states[f] for f in facts['moving']) * facts['columns']}];"
    meetings = [
        joint_states(plan, [d for d, _, _ in block["reads"]]) * padded(block["count"])
        for factor in header["factors"]
        for block in factor["blocks"]
        if len(block["reads"]) > 1
    ]
    if meetings:
        yield f"static f32 meeting[2][{max(meetings)}];"
    yield f"static f32 worth[{header['places']}], path[{header['prefixes']}];"
    count = header["n_policies"]
    yield f"static f32 score[{count}], logit[{count}], plausible[{count}];"
    for f in _inductive(plan):
        yield f"static f32 pull_{f}[{header['factors'][f]['columns']}];"
    if _draws(plan):
        sizes = header["num_controls"]
        groups = _groups(plan) if header["sampling_mode"] == "marginal" else []
        yield f"static f64 odds[{max([count, *sizes, *(prod(sizes[c] for c in group) for group in groups)])}];"


def evaluate(plan: Plan) -> Iterator[str]:
    """Expected free energy of every node tuple, then of every policy."""
    header = plan.header
    yield "static void evaluate(void) {"
    for m, facts in enumerate(header["modalities"]):
        if facts["still"] > 1:
            yield from _still(plan, m, facts)
        if _joins(facts):
            yield from _joint(plan, m, facts)
        source = f"J{m}" if _joins(facts) else f"Q{facts['moving'][0]}"
        if facts["still"] == 1 and emit_coded.is_coded(plan, m):
            yield emit_coded.weigh(plan, m, (source, facts["columns"]))
            continue
        yield (
            f"    weigh_{m}(G{m}, {source}, {facts['columns']}, {facts['outcomes']}, {facts['planes']}, "
            f"E{m}_ground, E{m}_ptr, E{m}_col, E{m}_val, {optional(plan, f'E{m}_pal')});"
        )
    at = offsets(header["num_states"])
    for f in _inductive(plan):
        yield (
            f"    {{\n    u32 r = I{f}_row[leading(self.q + {at[f]}, {header['num_states'][f]})];\n"
            f"    pull_to_{f}(pull_{f}, Q{f}, {header['factors'][f]['columns']}, 0, 1, I{f}_ground + r, I{f}_ptr + r, "
            f"I{f}_col, {valued(plan, f'I{f}')});\n    }}"
        )
    terms = " + ".join(
        [
            *(f"G{m}[G{m}_at[i]]" for m in range(len(header["modalities"]))),
            *(f"pull_{f}[I{f}_at[i]]" for f in _inductive(plan)),
        ]
    )
    yield f"    for (i32 i = 0; i < {header['places']}; i++) worth[i] = {terms};"
    yield f"    for (i32 i = 1; i < {header['prefixes']}; i++)"
    yield "        path[i] = path[P_parent[i]] + worth[P_place[i]];"
    yield f"    for (i32 p = 0; p < {header['n_policies']}; p++) score[p] = path[P_leaf[p]];"
    yield "}"


def _still(plan: Plan, m: int, facts: dict[str, Any]) -> Iterator[str]:
    """Joint belief of the factors that no policy moves, summed into the entries."""
    columns = [plan.header["factors"][f]["columns"] for f in facts["still_factors"]]
    terms = [f"Q{f}[s{j} * {columns[j]}]" for j, f in enumerate(facts["still_factors"])]
    yield "    {\n    i32 i;"
    yield loops(plan.header["num_states"], facts["still_factors"])
    yield f"        still_{m}[i++] = {product(terms)};"
    if emit_coded.is_coded(plan, m):
        yield emit_coded.settle(plan, m) + "\n    }"
        return
    yield f"    settle_{m}(E{m}_val, {facts['entries']}, X{m}_ptr, X{m}_src, {valued(plan, f'X{m}')}, still_{m});\n    }}"


def _joint(plan: Plan, m: int, facts: dict[str, Any]) -> Iterator[str]:
    """Joint belief of the moving parents for each distinct tuple of their nodes."""
    factors, width = facts["moving"], facts["columns"]
    columns = [plan.header["factors"][f]["columns"] for f in factors]
    terms = [(f, f"Q{f}[s{j} * {columns[j]} + J{m}_n{j}[n]]") for j, f in enumerate(factors)]
    yield from joined(plan, f"J{m}", width, terms, "likely" in facts)


def _joins(facts: dict[str, Any]) -> bool:
    """Whether beliefs of its parents are multiplied before a modality is weighed."""
    return len(facts["moving"]) > 1 or "likely" in facts


def _groups(plan: Plan) -> list[list[int]]:
    """The controls that are chosen together: those of one factor, once for factors with equal ones."""
    found: list[list[int]] = []
    for row in plan.header["actions"]:
        group = [column for column, _ in row]
        if group and group not in found:
            found.append(group)
    return found


def _apart(group: Sequence[int], sizes: Sequence[int], best: str) -> Iterator[str]:
    """The action of each control of a group; without division, for which small processors need a library."""
    if len(group) == 1:
        yield f"    action[{group[0]}] = {best};\n    }}"
        return
    yield f"    i32 chosen = {best};"
    for place, c in enumerate(group[:-1]):
        stride = prod(sizes[d] for d in group[place + 1 :])
        yield f"    for (action[{c}] = 0; chosen >= {stride}; chosen -= {stride}) action[{c}]++;"
    yield f"    action[{group[-1]}] = chosen;\n    }}"


def _draws(plan: Plan) -> bool:
    """Whether actions are drawn at random."""
    return bool(plan.header["action_selection"] == "stochastic")


def step(plan: Plan) -> Iterator[str]:
    """infer, predict, evaluate, choose."""
    header = plan.header
    controls = len(header["num_controls"])
    if plan_every(plan) > 1:
        yield from _step_of_plan(plan)
        return
    yield "static i32 step(const i32 *o, i32 *action) {"
    yield "    infer(o);"
    yield from _judged(plan)
    if header["sampling_mode"] == "marginal" and controls:
        yield from _marginal(plan)
    else:
        yield f"    i32 chosen = {_best(plan, 'logit', header['n_policies'], 0)};"
        for c in range(controls):
            yield f"    action[{c}] = P_first[chosen * {controls} + {c}];"
    if _draws(plan):
        yield "    self.drawn++;"
    yield "    (void)action;\n    return chosen;\n}"


def _judged(plan: Plan) -> Iterator[str]:
    """The posterior over policies."""
    count = plan.header["n_policies"]
    gamma = literal(float.fromhex(plan.header["gamma"]), "f64")
    habit = " + P_habit[p]" if "P_habit" in plan.tables else ""
    yield "    predict();\n    evaluate();"
    yield f"    for (i32 p = 0; p < {count}; p++) logit[p] = (f32){gamma} * score[p]{habit};"
    yield f"    weigh_policies(plausible, logit, {count});"


def _step_of_plan(plan: Plan) -> Iterator[str]:
    """Plan at every k-th step, and execute the chosen policy's next action between them.

    `ahead` is how far into the plan the next step is; what a forged state says beyond the tables is planned anew.
    """
    count, controls, every = (
        plan.header["n_policies"],
        len(plan.header["num_controls"]),
        plan_every(plan),
    )
    yield "static i32 step(const i32 *o, i32 *action) {"
    yield f"    infer(o);\n    if (self.ahead - 1u >= {every - 1}u || self.policy >= {count}u) {{"
    yield from _judged(plan)
    yield f"    self.policy = (u32){_best(plan, 'logit', count, 0)};"
    yield "    self.worth = score[self.policy];\n    self.ahead = 0;"
    if _draws(plan):
        yield "    self.drawn++;"
    yield "    }\n    score[self.policy] = self.worth;"
    for c in range(controls):
        yield f"    action[{c}] = P_first[(self.policy * {every}u + self.ahead) * {controls}u + {c}u];"
    yield f"    self.ahead = self.ahead + 1u < {every}u ? self.ahead + 1u : 0u;"
    yield "    (void)action;\n    return (i32)self.policy;\n}"


def _best(plan: Plan, logits: str, count: int, place: int) -> str:
    """C that chooses one of the alternatives by their logits; a draw takes the number of this place."""
    if _draws(plan):
        alpha = literal(float.fromhex(plan.header["alpha"]), "f64")
        return (
            f"drawn_from(odds, {logits}, {count}, {alpha}, uniform(self.seed, self.drawn, {place}))"
        )
    return f"canonical({logits}, {count})"


def _marginal(plan: Plan) -> Iterator[str]:
    """The controls of each factor by their own marginal; the policy is the best that begins so, or the best of all."""
    sizes, count = plan.header["num_controls"], plan.header["n_policies"]
    controls = len(sizes)
    fits = " && ".join(f"P_first[p * {controls} + {c}] == action[{c}]" for c in range(controls))
    for number, group in enumerate(_groups(plan)):
        n, flat = prod(sizes[c] for c in group), f"P_first[p * {controls} + {group[0]}]"
        for c in group[1:]:
            flat = f"({flat} * {sizes[c]} + P_first[p * {controls} + {c}])"
        yield f"    {{\n    f64 m[{n}] = {{0}};\n    f32 l[{n}];"
        yield f"    for (i32 p = 0; p < {count}; p++) m[{flat}] += (f64)plausible[p];"
        yield f"    for (i32 u = 0; u < {n}; u++) l[u] = (f32)ln_f64(m[u] < 1e-30 ? 1e-30 : m[u]);"
        yield from _apart(group, sizes, _best(plan, "l", n, number))
    yield f"    i32 any = 0;\n    for (i32 p = 0; p < {count}; p++) any |= {fits};"
    yield f"    if (any) for (i32 p = 0; p < {count}; p++) if (!({fits})) logit[p] = -1e38f;"
    yield f"    i32 chosen = canonical(logit, {count});"
