"""The python backend's step against pymdp's own rollout, through the gate of compiled code; and
that the gate can fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir import files as ir

from tests.support.requirements import need_module
from tests.support.small_models import entangled, one_factor

pytestmark = pytest.mark.slow


def learner(**spec: Any) -> ir.Model:
    """One factor, Dirichlet counts of both matrices, novelty."""
    plain = one_factor(3)
    counts: dict[str, Any] = {
        "pA": [4.0 * a + 0.2 for a in plain.A],
        "pB": [3.0 * b + 0.1 for b in plain.B],
    }
    words = {"policy_len": 2, "learn_A": True, "learn_B": True, "use_param_info_gain": True}
    return resolve(
        ModelSource(
            A=[p / p.sum(axis=0) for p in counts["pA"]],
            B=[p / p.sum(axis=0) for p in counts["pB"]],
            C=plain.C,
            D=plain.D,
            **counts,
            spec=words | spec,
        ),
        {},
    )[0]


def judged(model: ir.Model, episodes: int = 3, steps: int = 12) -> dict[str, Any]:
    """The proof's document."""
    need_module("pymdp")
    from agentc.proof import python as prove_python
    from agentc.pymdp_backend import probe as pymdp_probe

    taken = pymdp_probe.run_reference(model, episodes, steps, 5)
    return prove_python.document(
        model, taken, *prove_python.judge(model, taken, prove_python.answers(model, taken))
    )


@pytest.mark.parametrize(
    ("model", "reference"),
    [
        (learner(), "rollout"),
        (learner(sampling_mode="marginal", learn_B=False), "rollout"),
        (
            learner(inference_algo="exact", inference_horizon=3, use_param_info_gain=False),
            "rollout",
        ),
        (learner(inference_algo="mmp", inference_horizon=3), "rollout"),
        (one_factor(inference_algo="vmp", inference_horizon=3), "rollout"),
        (one_factor(), "oracle/agent.py"),
        (learner(plan_every=2), "rollout"),
        (one_factor(plan_every=2), "oracle/agent.py"),
    ],
    ids=[
        "learns",
        "marginal",
        "smooths and learns",
        "mmp learns",
        "vmp",
        "covered by native",
        "learns and keeps",
        "keeps plans",
    ],
)
def test_the_jitted_step_decides_as_the_reference(model: ir.Model, reference: str) -> None:
    proved = judged(model)
    assert proved["violations"] == 0 and reference in proved["reference"]
    assert proved["same_action"] == proved["steps"] == 36
    assert float(proved["kl_below"]) <= 1e-6 and float(proved["kl_policies_below"]) <= 1e-6


def forgets(step: Any, carry: Any, obs: Any) -> Any:
    """A step that never learns."""
    after, choice = step(carry, obs)
    return after._replace(agent=carry.agent), choice


def ignores_what_was_done(step: Any, carry: Any, obs: Any) -> Any:
    """A step that believes its action was always the first."""
    return step(carry._replace(last=np.zeros_like(carry.last)), obs)


@pytest.mark.parametrize("wrong", [forgets, ignores_what_was_done])
def test_a_wrong_step_is_found(wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    need_module("pymdp")
    from agentc.pymdp_backend import step as pymdp_step

    step = pymdp_step.stepper(learner())
    monkeypatch.setattr(
        pymdp_step, "stepper", lambda model: lambda carry, obs: wrong(step, carry, obs)
    )
    assert judged(learner())["violations"] > 0


def test_the_tool_writes_a_proof_and_a_page_or_every_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need_module("pymdp")
    import prove_python

    def run(model: ir.Model) -> int:
        ir.save(model, tmp_path / "ir")
        return prove_python.main(
            [
                "--ir",
                str(tmp_path / "ir"),
                "--name",
                "rat",
                "--episodes",
                "2",
                "--steps",
                "6",
                "--out",
                str(tmp_path / "proof.json"),
                "--report",
                str(tmp_path / "page.txt"),
            ]
        )

    assert run(entangled(inference_algo="mmp", learn_D=True)) == 1
    output = capsys.readouterr().err
    assert (
        "inference_horizon" in output
        and "learn_D" in output
        and not (tmp_path / "proof.json").exists()
    )
    assert run(learner()) == 0
    assert json.loads((tmp_path / "proof.json").read_bytes())["runtime"] == "python"
    assert "learn_A = true" in (tmp_path / "page.txt").read_text()
