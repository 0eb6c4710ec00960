"""Generate the C file of one agent from its plan.

The file is freestanding C11 without includes or libraries. It exports one symbol, `agent_<name>`.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentc.codegen import (
    inference as emit_states,
    kernels as emit_kernels,
    policy as emit_step,
    pymdp007 as emit_legacy,
    quantized as emit_coded,
)
from agentc.codegen.names import NAME, symbol
from agentc.codegen.native_files import native
from agentc.codegen.predictive import predictive
from agentc.codegen.tables import sizes, table
from agentc.plan.files import Plan

AGENT_HEADERS = ("agent.h", "fmath.h", "kernel.h")
CODED_HEADER = ("quantized.h",)
CONTRACTION_HEADER = ("contraction.h",)


def emit(plan: Plan, name: str) -> str:
    """Return the C text of the agent `name`."""
    assert NAME.fullmatch(name), name
    return "\n".join(_lines(plan, name)) + "\n"


def _lines(plan: Plan, name: str) -> Iterator[str]:
    header = plan.header
    yield native(AGENT_HEADERS)
    if "coded" in header:
        yield native(CODED_HEADER)
        yield from emit_coded.decoder_and_aliases(plan)
    if "contractions" in header or "dense" in header:
        yield native(CONTRACTION_HEADER)
    for key, array in sorted(plan.tables.items()):
        yield table(key, array)
    yield from emit_kernels.kernels(plan)
    beliefs = emit_legacy if header.get("legacy") else emit_states
    for part in (
        emit_step.storage,
        beliefs.infer,
        beliefs.variational_free_energy,
        emit_states.predict,
        emit_step.evaluate,
        emit_step.step,
        emit_states.advance,
    ):
        yield from part(plan)
    yield from predictive(plan, name)
    for key in ("num_obs", "num_controls", "num_states"):
        yield sizes(key, header[key])
    counts = (
        len(header["num_obs"]),
        len(header["num_controls"]),
        header["n_policies"],
        sum(header["num_states"]),
        len(header["num_states"]),
    )
    draws = "&self.seed" if header["action_selection"] == "stochastic" else "0"
    yield f"extern const agent {symbol(name)};"
    yield (
        f'const agent {symbol(name)} = {{"{name}", {", ".join(map(str, counts))}, num_obs, '
        "num_controls, "
        f"num_states, self.q, q_pi, neg_efe, &self, sizeof self, {draws}, reset, step, advance, "
        "free_energy, &to_bounds};"
    )
