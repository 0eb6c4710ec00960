"""Which backend an agent gets: by its table and by what native covers; exports of python agents are
refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from agentc.plan.feature_support import refusals

from buildgraph import BuildError, Source
from rules.coalition import Agent, coalition
from rules.export import export
from rules.firmware import firmware
from rules.hardware import hardware
from rules.model import PYTHON_ONLY, Inference, Model, model
from tests.support.rule_context import chain, ctx, maker, written
from tests.support.small_models import one_factor

ARRAYS = Source("package/rat.npz")


def rat(**options: Any) -> Model:
    """One model with a table of its own."""
    return model(ctx("//m:rat"), ARRAYS, **options)


@pytest.mark.parametrize(
    ("options", "python"),
    [
        ({}, ""),
        ({"runtime": "native"}, ""),
        ({"runtime": "python"}, 'runtime = "python"'),
        ({"inference": Inference(learn_A=True)}, "learn_A = true"),
        ({"inference": Inference(learn_A=False)}, ""),
        (
            {"inference": Inference(inference_algo="mmp", learn_B=True)},
            'learn_B = true, inference_algo = "mmp"',
        ),
        ({"inference": Inference(inference_algo="fpi")}, ""),
        ({"runtime": "native", "inference": Inference(learn_A=True)}, ""),
    ],
)
def test_the_table_decides(options: dict[str, Any], python: str) -> None:
    assert rat(**options).python == python


@pytest.mark.parametrize(
    ("word", "value"), [(word, value) for word, values in PYTHON_ONLY.items() for value in values]
)
def test_what_the_rule_takes_for_python_native_refuses(word: str, value: object) -> None:
    plain = one_factor()
    inputs = replace(plain, pA=plain.A, pB=plain.B, **{word: value})  # type: ignore[arg-type]
    assert refusals(plain) == [] and any(word in reason for reason in refusals(inputs))


def test_a_python_agent_has_a_proof_and_a_page_but_no_code() -> None:
    built = coalition(
        ctx("//c:both"), {"learner": Agent(rat(runtime="python")), "other": Agent(rat())}
    )
    assert sorted(built.outputs()) == ["learner", "learner.python", "other"]
    [proof, page] = [maker(built.outputs()[name]) for name in ("learner", "learner.python")]
    assert (
        proof == page
        and "tools/prove_python.py" in proof.argv
        and "inferactively-pymdp" in proof.distributions
    )
    assert {action.title for action in chain(built.outputs()["learner"])} == {
        "ingest rat",
        "prove learner in Python",
    }


def test_what_is_native_never_asks_for_pymdp() -> None:
    built = coalition(
        ctx("//c:both"), {"learner": Agent(rat(runtime="python")), "other": Agent(rat())}
    )
    assert all(
        "inferactively-pymdp" not in action.distributions
        for action in chain(built.outputs()["other"])
    )


def test_an_export_of_python_agents_is_refused_by_name_and_reason() -> None:
    built = coalition(
        ctx("//c:both"),
        {"learner": Agent(rat(inference=Inference(learn_A=True))), "other": Agent(rat())},
    )
    with pytest.raises(
        BuildError, match=r"learner \(learn_A = true\), and images support the native backend only"
    ) as fault:
        export(ctx(), built, hardware(ctx(), "raspberry-pi-5"))
    assert fault.value.at is not None and "runtime.json" in (fault.value.fix or "")


def test_firmware_shares_the_proof_of_exports_and_refuses_unknown_cores() -> None:
    built = coalition(ctx("//c:one"), {"rat": Agent(rat())})
    [gate] = firmware(ctx(), built, "cortex-m4f").gates
    titles = {action.title for action in chain(gate.verdict)}
    assert {
        "prove rat",
        "compile rat for cortex_m4",
        "helpers for cortex-m4f",
    } <= titles and gate.needs == ("qemu-arm-static",)
    board = export(ctx(), built, hardware(ctx(), "raspberry-pi-5"))
    shared = set(written(chain(gate.verdict))) & set(written(chain(board.gates[0].verdict)))
    assert len(shared) == len(list(chain(built.members[0].proved.proof)))
    with pytest.raises(BuildError, match="no core 'cortex-m4'") as fault:
        firmware(ctx(), built, "cortex-m4")
    assert "cortex-m4f" in (fault.value.fix or "")
