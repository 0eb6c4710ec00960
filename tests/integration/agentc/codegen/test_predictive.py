"""Probabilities of observed outcomes under the prior: those of the model, however A is stored."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from agentc.codegen.native_files import native
from agentc.codegen.predictive import predicted_symbol
from agentc.ir import files as ir
from agentc.ir.types import LEGACY
from agentc.oracle.contraction import joint
from agentc.plan import files as plan_files
from agentc.toolchain.zig import host_target, link_program

from tests.support.compiled_objects import compiled
from tests.support.native_agents import Compiled, emitted, random_model
from tests.support.requirements import need_module

MAIN = """
extern const agent agent_scout;
%s
static f32 (*const predicted[])(const i32 *) = {%s};
_Noreturn __attribute__((used)) void enter(word *stack) {
    i32 o[16] = {0};
    (void)stack;
    agent_scout.reset();
    for (i32 m = 0; m < agent_scout.modalities; o[m++] = 0)
        for (o[m] = 0; o[m] < agent_scout.num_obs[m]; o[m]++) {
            f32 value = predicted[m](o);
            system_call(SYS_WRITE, 1, (word)&value, 4, 0, 0);
        }
    for (;;) system_call(SYS_EXIT, 0, 0, 0, 0, 0);
}
"""


def printed(agent: Compiled, modalities: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Inverse probabilities of each outcome of each modality under the first prior."""
    names = [predicted_symbol(agent.name, m) for m in range(modalities)]
    declared = "\n".join(f"extern f32 {name}(const i32 *o);" for name in names)
    source = agent.folder / "main.c"
    source.write_text(
        native(("agent.h", "syscalls.h")) + MAIN % (declared, ", ".join(names)), encoding="ascii"
    )
    objects = [agent.folder / "main.o", agent.folder / "agent.o"]
    for text, target in zip((source, agent.folder / "agent.c"), objects, strict=True):
        compiled(text, host_target(), target, ())
    link_program(objects, host_target()[0], agent.folder / "program")
    done = subprocess.run([agent.folder / "program"], capture_output=True, check=True, timeout=60)
    return np.frombuffer(done.stdout, "<f4")


@pytest.mark.parametrize(
    ("shape", "seed", "semantics", "is_dense"),
    [
        ("two_moving", 2, "", True),
        ("still_factor", 6, "", False),
        ("crossed", 4, "", False),
        ("one_factor", 1, "", False),
        ("still_factor", 6, LEGACY, False),
    ],
)
def test_each_outcome_has_its_probability(
    shape: str, seed: int, semantics: str, is_dense: bool, tmp_path: Path
) -> None:
    need_module("ziglang")
    model = random_model(shape, seed=seed)
    if semantics:
        model = ir.normalise(replace(model, semantics=semantics))
    agent = emitted(model, "scout", tmp_path / "scout")
    planned = plan_files.load(agent.folder / "plan")
    assert bool(planned.header.get("dense")) is is_dense
    expected = []
    for a, parents in zip(model.A, model.A_dependencies, strict=True):
        prior = joint([model.D[f][:, None] for f in parents])[:, 0]
        expected += [1.0 / max(p, 2.0**-52) for p in a.reshape(len(a), -1) @ prior]
    inverse = printed(agent, len(model.num_obs))
    assert inverse.tolist() == pytest.approx(expected, rel=1e-5)
