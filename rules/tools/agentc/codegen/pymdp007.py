"""C text of what an agent believes that means what pymdp 0.0.7 means; pymdp007.py has the formulas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from agentc.codegen.inference import entry, joint_states, loops, offsets
from agentc.plan.files import Plan
from agentc.plan.pymdp007 import EPSILON

TOLERANCE = 0.001


def infer(plan: Plan) -> Iterator[str]:
    """Posterior over states; `evidence` keeps the free energy that the last round left."""
    states = plan.header["num_states"]
    factors, at = range(len(states)), offsets(states)
    total, joint, rounds = (
        at[-1],
        joint_states(plan, factors),
        plan.header["num_iter"] if len(states) > 1 else 1,
    )
    yield "static void infer(const i32 *o) {"
    yield f"    static f64 seen[{joint}], base[{total}], x[{total}];\n    i32 i;"
    yield f"{loops(states, factors)}    {{\n        f64 p = 1.0;"
    for m in range(len(plan.header["num_obs"])):
        yield f"        {{\n        u32 e = {_place(plan, m)};\n        p *= {entry(plan, f'L{m}')};\n        }}"
    yield f"        seen[i++] = ln_f64(p + {EPSILON.hex()});\n    }}"
    yield f"    for (i32 s = 0; s < {total}; s++) base[s] = ln_f64(self.prior[s] + {EPSILON.hex()});"
    for f, size in enumerate(states):
        yield f"    for (i32 s = {at[f]}; s < {at[f + 1]}; s++) self.q[s] = 1.0 / {size};"
    yield f"    self.evidence = 0.0;\n    {_apart(total)}"
    yield f"    for (i32 k = 0; k < {rounds}; k++) {{\n        f64 before = self.evidence;"
    yield f"        for (i32 s = 0; s < {total}; s++) x[s] = base[s];"
    yield f"{loops(states, factors)}        {{"
    for f in factors:
        yield f"            x[{at[f]} + s{f}] += {_weighed(at, [d for d in factors if d != f])};"
    yield "            i++;\n        }"
    for f, size in enumerate(states):
        yield f"        soften(self.q + {at[f]}, x + {at[f]}, {size});"
    yield f"        self.evidence = 0.0;\n        {_apart(total)}"
    yield f"{loops(states, factors)}        {{\n            self.evidence -= {_weighed(at, factors)};"
    yield "            i++;\n        }\n        f64 moved = before - self.evidence;"
    yield f"        if (moved < {TOLERANCE.hex()} && moved > -{TOLERANCE.hex()}) break;\n    }}\n}}"


def _place(plan: Plan, m: int) -> str:
    """Where the likelihood of the outcome in the states s0.. stands in its table."""
    states, parents = plan.header["num_states"], plan.header["A_dependencies"][m]
    terms = [f"(u32)o[{m}] * {prod(states[f] for f in parents)}u"]
    terms += [
        f"(u32)s{f} * {prod(states[d] for d in parents[j + 1 :])}u" for j, f in enumerate(parents)
    ]
    return " + ".join(terms)


def _apart(total: int) -> str:
    """What beliefs differ from the prior by, added to `evidence`."""
    return f"for (i32 s = 0; s < {total}; s++) self.evidence += self.q[s] * (ln_f64(self.q[s] + {EPSILON.hex()}) - base[s]);"


def _weighed(at: Sequence[int], factors: Sequence[int]) -> str:
    return " * ".join(["seen[i]", *(f"self.q[{at[d]} + s{d}]" for d in factors)])


def surprise(_: Plan) -> Iterator[str]:
    """Variational free energy of the last inference."""
    yield "static f64 surprise(const i32 *o) {\n    (void)o;\n    return self.evidence;\n}"
