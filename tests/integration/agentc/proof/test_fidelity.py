"""Every shipped example, over 3,072 steps: native, float64 reference and pymdp 1.0.4 choose the
same actions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.ir.files import F64
from agentc.numerics import exact_math as fmath
from agentc.proof.fidelity import compare
from agentc.proof.native import build_host_program, run_replay
from agentc.proof.replay import Probe, Replies, parse

from tests.pymdp.oracle import canonical_actions
from tests.pymdp.shipped import EPISODES, STEPS, shipped
from tests.support.native_agents import EXAMPLE_NAMES, Compiled
from tests.support.requirements import need_module

pytestmark = pytest.mark.slow


def divergence(wanted: F64, result: F64) -> float:
    """Largest Kullback-Leibler divergence of the rows, all factors together."""
    floor = np.full_like(wanted, 2.0**-1000)
    terms = wanted * (fmath.log(np.maximum(wanted, floor)) - fmath.log(np.maximum(result, floor)))
    return float(terms.sum(axis=1).max())


@pytest.mark.parametrize("name", EXAMPLE_NAMES)
def test_native_reference_and_pymdp_decide_alike(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need_module("ziglang")
    need_module("pymdp")
    case = shipped(name, tmp_path_factory)
    probe, theirs = case.probe, case.theirs
    answers, interface = _answers(case.agent, tmp_path, probe)
    result = compare(answers, probe, interface["num_controls"])
    steps = EPISODES * STEPS
    assert len(result.same) == steps >= 3000
    assert int((~result.same).sum()) == 0 and result.violations == 0
    assert float(result.kl.max()) <= 1e-6
    actions = canonical_actions(case.model, theirs.q_pi).reshape(steps, -1)
    assert int(np.any(actions != answers.action, axis=1).sum()) == 0
    assert divergence(theirs.qs.reshape(steps, -1), answers.qs.astype(np.float64)) <= 1e-6


def _answers(agent: Compiled, folder: Path, probe: Probe) -> tuple[Replies, dict[str, Any]]:
    interface = agent.interface
    program = build_host_program(agent.folder / "agent.c", "agent", interface, folder)
    return parse(run_replay(program, "agent", probe.records().tobytes()), interface), interface
