"""The static choice of a backend: what native refuses, and what a step costs on each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import select_backend
from agentc.ir import files as ir
from agentc.plan import backend as choose_runtime
from agentc.plan.cost_model import as_written

from tests.support.small_models import one_factor


def test_a_covered_agent_is_native_with_both_costs() -> None:
    advice = choose_runtime.advise(one_factor())
    assert advice["runtime"] == "native" and advice["refused_by_native"] == []
    assert 0 < advice["multiplications"]["native"] < advice["multiplications"]["python"]


def test_what_native_refuses_is_python_with_every_reason() -> None:
    plain = one_factor()
    advice = choose_runtime.advise(replace(plain, pA=plain.A, learn_A=True, inference_algo="mmp"))
    assert advice["runtime"] == "python" and advice["multiplications"]["native"] is None
    assert {reason.split(" = ")[0] for reason in advice["refused_by_native"]} == {
        "learn_A",
        "inference_algo",
    }


def test_the_dearer_step_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    advice = choose_runtime.advise(one_factor())
    monkeypatch.setattr(
        choose_runtime, "CALL", advice["multiplications"]["native"] - as_written(one_factor()) - 1
    )
    assert choose_runtime.advise(one_factor())["runtime"] == "python"


def test_it_is_written_and_the_same_again(tmp_path: Path) -> None:
    ir.save(one_factor(), tmp_path / "ir")
    for name in ("one.json", "two.json"):
        assert (
            select_backend.main(["--ir", str(tmp_path / "ir"), "--out", str(tmp_path / name)]) == 0
        )
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert json.loads((tmp_path / "one.json").read_bytes())["runtime"] == "native"
