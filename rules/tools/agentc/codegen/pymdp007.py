"""C code for inference with the semantics of pymdp 0.0.7. For the formulas see
oracle/pymdp007.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from agentc.codegen.inference import entry, joint_states, loops, offsets
from agentc.plan.files import Plan
from agentc.plan.pymdp007 import EPSILON

TOLERANCE = 0.001


def infer(plan: Plan) -> Iterator[str]:
    """Generate `infer`: the posterior over states, and its free energy in `self.vfe`."""
    states = plan.header["num_states"]
    factors, at = range(len(states)), offsets(states)
    total, joint = at[-1], joint_states(plan, factors)
    rounds = plan.header["num_iter"] if len(states) > 1 else 1
    yield "static void infer(const i32 *o) {"
    yield f"    static f64 ln_joint[{joint}], base[{total}], x[{total}];\n    i32 i;"
    yield f"{loops(states, factors)}    {{\n        f64 p = 1.0;"
    for m in range(len(plan.header["num_obs"])):
        yield (
            f"        {{\n        u32 e = {_likelihood_index(plan, m)};\n        p *= "
            f"{entry(plan, f'L{m}')};\n        }}"
        )
    yield f"        ln_joint[i++] = ln_f64(p + {EPSILON.hex()});\n    }}"
    yield (
        f"    for (i32 s = 0; s < {total}; s++) base[s] = ln_f64(self.prior[s] + {EPSILON.hex()});"
    )
    for f, size in enumerate(states):
        yield f"    for (i32 s = {at[f]}; s < {at[f + 1]}; s++) self.q[s] = 1.0 / {size};"
    yield f"    self.vfe = 0.0;\n    {_add_prior_divergence(total)}"
    yield f"    for (i32 k = 0; k < {rounds}; k++) {{\n        f64 before = self.vfe;"
    yield f"        for (i32 s = 0; s < {total}; s++) x[s] = base[s];"
    yield f"{loops(states, factors)}        {{"
    for f in factors:
        yield (
            f"            x[{at[f]} + s{f}] += "
            f"{_expected_log_likelihood(at, [d for d in factors if d != f])};"
        )
    yield "            i++;\n        }"
    for f, size in enumerate(states):
        yield f"        softmax(self.q + {at[f]}, x + {at[f]}, {size});"
    yield f"        self.vfe = 0.0;\n        {_add_prior_divergence(total)}"
    yield (
        f"{loops(states, factors)}        {{\n            self.vfe -= "
        f"{_expected_log_likelihood(at, factors)};"
    )
    yield "            i++;\n        }\n        f64 change = before - self.vfe;"
    yield (
        f"        if (change < {TOLERANCE.hex()} && change > -{TOLERANCE.hex()}"
        " && !to_bounds) break;\n    }\n}"
    )


def _likelihood_index(plan: Plan, m: int) -> str:
    """Return C for the index of the outcome's likelihood in the states s0, s1, ..."""
    states, parents = plan.header["num_states"], plan.header["A_dependencies"][m]
    terms = [f"(u32)o[{m}] * {prod(states[f] for f in parents)}u"]
    terms += [
        f"(u32)s{f} * {prod(states[d] for d in parents[j + 1 :])}u" for j, f in enumerate(parents)
    ]
    return " + ".join(terms)


def _add_prior_divergence(total: int) -> str:
    """Return C that adds the divergence of beliefs from the prior to `self.vfe`."""
    return (
        f"for (i32 s = 0; s < {total}; s++) self.vfe += self.q[s] * (ln_f64(self.q[s] + "
        f"{EPSILON.hex()}) - base[s]);"
    )


def _expected_log_likelihood(at: Sequence[int], factors: Sequence[int]) -> str:
    return " * ".join(["ln_joint[i]", *(f"self.q[{at[d]} + s{d}]" for d in factors)])


def variational_free_energy(_: Plan) -> Iterator[str]:
    """Generate `vfe`: the variational free energy of the last inference, in nats."""
    yield "static f64 free_energy(const i32 *o) {\n    (void)o;\n    return self.vfe;\n}"
