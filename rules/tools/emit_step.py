"""C text of the verbs of one agent's step, from its plan; see native/kernel.h for the loops they call."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from emit_tables import c_type, literal
from plan import Plan


def offsets(sizes: Sequence[int]) -> list[int]:
    """Where each factor begins in the concatenated beliefs."""
    found = [0]
    for size in sizes:
        found.append(found[-1] + size)
    return found


def optional(plan: Plan, name: str) -> str:
    """The table's name, or 0 when the plan does not have it."""
    return name if name in plan.tables else "0"


def instances(plan: Plan) -> Iterator[str]:
    """The kernels this agent needs, for its own index types."""
    def kind(name: str) -> str:
        return c_type(plan.tables[name])
    for f, factor in enumerate(plan.header["factors"]):
        types = f"{kind(f'B{f}_ptr')}, {kind(f'B{f}_col')}"
        yield f"DEFINE_MARCH(march_{f}, {types})"
        node = kind(f"N{f}_parent") if f"N{f}_parent" in plan.tables else "u8"
        if factor["blocks"]:
            yield f"DEFINE_SPREAD(spread_{f}, {types}, {node})"
    for m, facts in enumerate(plan.header["modalities"]):
        yield f"DEFINE_WEIGH(weigh_{m}, {kind(f'E{m}_ptr')}, {kind(f'E{m}_col')})"
        if facts["still"] > 1:
            yield f"DEFINE_SETTLE(settle_{m}, {kind(f'X{m}_ptr')}, {kind(f'X{m}_src')})"


def storage(plan: Plan) -> Iterator[str]:
    """All state of the agent: static, sized at build time."""
    header = plan.header
    states = header["num_states"]
    yield f"static f64 prior[{sum(states)}], q[{sum(states)}];"
    if header["product"]:
        yield "static f64 evidence;"
    for f, factor in enumerate(header["factors"]):
        yield f"static f32 Q{f}[{states[f] * factor['columns']}];"
    for m, facts in enumerate(header["modalities"]):
        yield f"static f32 G{m}[{facts['planes'] * facts['columns']}];"
        if facts["still"] > 1:
            yield f"static f32 still_{m}[{facts['still']}], E{m}_val[{max(1, facts['entries'])}];"
        if len(facts["moving"]) > 1:
            yield f"static f32 J{m}[{prod(states[f] for f in facts['moving']) * facts['columns']}];"
    yield f"static f32 worth[{header['places']}], path[{header['prefixes']}];"
    count = header["n_policies"]
    yield f"static f32 score[{count}], logit[{count}], plausible[{count}];"


def infer(plan: Plan) -> Iterator[str]:
    """Posterior over states from the prior and the observations."""
    yield "static void infer(const i32 *o) {"
    yield from _infer_product(plan) if plan.header["product"] else _infer_fixed_point(plan)
    yield "}"


def _entries(m: int) -> str:
    return f"    for (u32 e = L{m}_ptr[o[{m}]]; e < L{m}_ptr[o[{m}] + 1]; e++)"


def _infer_product(plan: Plan) -> Iterator[str]:
    size = plan.header["num_states"][0]
    yield f"    for (i32 s = 0; s < {size}; s++) q[s] = floored(prior[s]);"
    for m in range(len(plan.header["num_obs"])):
        yield f"{_entries(m)} q[L{m}_s0[e]] *= L{m}_val[e];"
    yield "    f64 sum = 0.0;"
    yield f"    for (i32 s = 0; s < {size}; s++) sum += q[s];"
    yield f"    for (i32 s = 0; s < {size}; s++) q[s] = q[s] / sum;"
    yield "    evidence = sum;"


def _infer_fixed_point(plan: Plan) -> Iterator[str]:
    header = plan.header
    states, parents = header["num_states"], header["A_dependencies"]
    at, total = offsets(states), sum(states)
    yield f"    static f64 base[{total}], x[{total}], next[{total}];"
    yield f"    for (i32 s = 0; s < {total}; s++) base[s] = ln_f64(floored(prior[s]));"
    for m, own in enumerate(parents):
        if len(own) == 1:
            yield f"{_entries(m)} base[{at[own[0]]} + L{m}_s0[e]] += L{m}_val[e];"
    joint = [m for m, own in enumerate(parents) if len(own) > 1]
    for f, size in enumerate(states):
        yield f"    for (i32 s = {at[f]}; s < {at[f + 1]}; s++) q[s] = 1.0 / {size};"
    yield f"    for (i32 k = 0; k < {header['num_iter'] if joint else 1}; k++) {{"
    yield f"    for (i32 s = 0; s < {total}; s++) x[s] = base[s];"
    for m in joint:
        yield from _messages(m, [at[f] for f in parents[m]])
    for f, size in enumerate(states):
        yield f"    soften(next + {at[f]}, x + {at[f]}, {size});"
    yield f"    if (same(next, q, {total})) break;"
    yield f"    for (i32 s = 0; s < {total}; s++) q[s] = next[s];"
    yield "    }"


def _messages(m: int, starts: Sequence[int]) -> Iterator[str]:
    """Expected log likelihood for each parent under the beliefs of the others."""
    places = range(len(starts))
    yield f"{_entries(m)} {{"
    yield "        u32 " + ", ".join(f"a{j} = {starts[j]} + L{m}_s{j}[e]" for j in places) + ";"
    for j in places:
        weight = " * ".join([f"L{m}_val[e]", *(f"q[a{i}]" for i in places if i != j)])
        yield f"        x[a{j}] += {weight};"
    yield "    }"


def surprise(plan: Plan) -> Iterator[str]:
    """Variational free energy of the last inference."""
    header = plan.header
    at = offsets(header["num_states"])
    yield "static f64 surprise(const i32 *o) {"
    yield "    f64 value = 0.0;"
    if header["product"]:
        yield "    value -= ln_f64(evidence);"
    else:
        yield f"    for (i32 s = 0; s < {at[-1]}; s++)"
        yield "        value += q[s] * (ln_f64(floored(q[s])) - ln_f64(floored(prior[s])));"
    for m, own in enumerate(header["A_dependencies"]):
        yield f"    value -= L{m}_ground[o[{m}]];"
        if not header["product"]:
            weight = " * ".join(f"q[{at[f]} + L{m}_s{j}[e]]" for j, f in enumerate(own))
            yield f"{_entries(m)} value -= L{m}_val[e] * {weight};"
    yield "    return value;"
    yield "}"


def predict(plan: Plan) -> Iterator[str]:
    """Beliefs at every node, parents first."""
    states = plan.header["num_states"]
    at = offsets(states)
    yield "static void predict(void) {"
    for f, factor in enumerate(plan.header["factors"]):
        columns, size = factor["columns"], states[f]
        yield f"    for (i32 s = 0; s < {size}; s++) Q{f}[s * {columns}] = present(q[{at[f]} + s]);"
        for index, first, count, run, offset in factor["blocks"]:
            parent = f"N{f}_parent + {offset}" if run < 0 else "0"
            yield (f"    spread_{f}(Q{f}, {columns}, {first}, {count}, {parent}, {run}, {size}, "
                   f"B{f}_ptr + {index * size}, B{f}_col, {optional(plan, f'B{f}_val')});")
    yield "}"


def evaluate(plan: Plan) -> Iterator[str]:
    """Expected free energy of every node tuple, then of every policy."""
    header = plan.header
    yield "static void evaluate(void) {"
    for m, facts in enumerate(header["modalities"]):
        if facts["still"] > 1:
            yield from _still(plan, m, facts)
        if len(facts["moving"]) > 1:
            yield from _joint(plan, m, facts)
        source = f"J{m}" if len(facts["moving"]) > 1 else f"Q{facts['moving'][0]}"
        yield (f"    weigh_{m}(G{m}, {source}, {facts['columns']}, {facts['outcomes']}, {facts['planes']}, "
               f"E{m}_ground, E{m}_ptr, E{m}_col, E{m}_val);")
    terms = " + ".join(f"G{m}[G{m}_at[i]]" for m in range(len(header["modalities"])))
    yield f"    for (i32 i = 0; i < {header['places']}; i++) worth[i] = {terms};"
    yield f"    for (i32 i = 1; i < {header['prefixes']}; i++)"
    yield "        path[i] = path[P_parent[i]] + worth[P_place[i]];"
    yield f"    for (i32 p = 0; p < {header['n_policies']}; p++) score[p] = path[P_leaf[p]];"
    yield "}"


def _loops(states: Sequence[int], factors: Sequence[int]) -> str:
    return "    i = 0;\n" + "".join(
        f"    for (i32 s{j} = 0; s{j} < {states[f]}; s{j}++)\n" for j, f in enumerate(factors))


def _product(terms: Sequence[str]) -> str:
    found = terms[0]
    for term in terms[1:]:
        found = f"flushed({found} * {term})"
    return found


def _still(plan: Plan, m: int, facts: dict[str, Any]) -> Iterator[str]:
    """Joint belief of the factors that no policy moves, summed into the entries."""
    columns = [plan.header["factors"][f]["columns"] for f in facts["still_factors"]]
    terms = [f"Q{f}[s{j} * {columns[j]}]" for j, f in enumerate(facts["still_factors"])]
    yield "    {\n    i32 i;"
    yield _loops(plan.header["num_states"], facts["still_factors"])
    yield f"        still_{m}[i++] = {_product(terms)};"
    yield f"    settle_{m}(E{m}_val, {facts['entries']}, X{m}_ptr, X{m}_src, X{m}_val, still_{m});\n    }}"


def _joint(plan: Plan, m: int, facts: dict[str, Any]) -> Iterator[str]:
    """Joint belief of the moving parents for each distinct tuple of their nodes."""
    factors, width = facts["moving"], facts["columns"]
    columns = [plan.header["factors"][f]["columns"] for f in factors]
    terms = [f"Q{f}[s{j} * {columns[j]} + J{m}_n{j}[n]]" for j, f in enumerate(factors)]
    yield "    {\n    i32 i;"
    yield (_loops(plan.header["num_states"], factors)
           + f"    {{\n        for (i32 n = 0; n < {width}; n++) J{m}[i * {width} + n] = {_product(terms)};\n"
           "        i++;\n    }\n    }")


def step(plan: Plan) -> Iterator[str]:
    """infer, predict, evaluate, choose."""
    header = plan.header
    count, controls = header["n_policies"], len(header["num_controls"])
    gamma = literal(float.fromhex(header["gamma"]), "f64")
    habit = " + P_habit[p]" if "P_habit" in plan.tables else ""
    yield "static i32 step(const i32 *o, i32 *action) {"
    yield "    infer(o);\n    predict();\n    evaluate();"
    yield f"    for (i32 p = 0; p < {count}; p++) logit[p] = (f32){gamma} * score[p]{habit};"
    yield f"    weigh_policies(plausible, logit, {count});"
    if header["sampling_mode"] == "marginal" and controls:
        yield from _marginal(header["num_controls"], count)
    else:
        yield f"    i32 chosen = canonical(logit, {count});"
        for c in range(controls):
            yield f"    action[{c}] = P_first[chosen * {controls} + {c}];"
    yield "    (void)action;\n    return chosen;\n}"


def _marginal(choices: Sequence[int], count: int) -> Iterator[str]:
    """Each control by its own marginal; the policy is the best that begins so, or the best of all."""
    controls = len(choices)
    fits = " && ".join(f"P_first[p * {controls} + {c}] == action[{c}]" for c in range(controls))
    for c, n in enumerate(choices):
        yield f"    {{\n    f64 m[{n}] = {{0}};\n    f32 l[{n}];"
        yield f"    for (i32 p = 0; p < {count}; p++) m[P_first[p * {controls} + {c}]] += (f64)plausible[p];"
        yield f"    for (i32 u = 0; u < {n}; u++) l[u] = (f32)ln_f64(m[u] < 1e-30 ? 1e-30 : m[u]);"
        yield f"    action[{c}] = canonical(l, {n});\n    }}"
    yield f"    i32 any = 0;\n    for (i32 p = 0; p < {count}; p++) any |= {fits};"
    yield f"    if (any) for (i32 p = 0; p < {count}; p++) if (!({fits})) logit[p] = -1e38f;"
    yield f"    i32 chosen = canonical(logit, {count});"


def advance(plan: Plan) -> Iterator[str]:
    """The next prior from the executed action, and the first prior."""
    header = plan.header
    states = header["num_states"]
    at = offsets(states)
    yield "static void advance(const i32 *action) {\n    (void)action;"
    for f, controls in enumerate(header["actions"]):
        flat = "0"
        for column, choices in controls:
            flat = f"({flat} * {choices} + action[{column}])"
        size = states[f]
        yield (f"    march_{f}(prior + {at[f]}, q + {at[f]}, {size}, B{f}_ptr + B{f}_slice[{flat}] * {size}, "
               f"B{f}_col, {optional(plan, f'B{f}_val')});")
    yield "}"
    yield f"static void reset(void) {{\n    for (i32 s = 0; s < {at[-1]}; s++) prior[s] = D[s];\n}}"
