"""plan_agent.py: refusals by name and place, stable bytes, and an interface that changes rarely."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import plan_agent
import pytest
from agentc.ir import files as ir
from agentc.ir.files import Model
from agentc.plan import build as plan, files
from agentc.plan.feature_support import refusals

from tests.support.native_agents import random_model


def rootless() -> Model:
    """B1 depends on factor 0 alone."""
    model = random_model("still_factor")
    wide = np.repeat(np.full((4, 1), 0.25), 5, axis=1)[:, :, None]
    return dataclasses.replace(model, B=(model.B[0], wide), B_dependencies=((0,), (0,)))


def test_a_transition_without_its_own_factor_is_refused_with_its_place() -> None:
    assert refusals(rootless()) == [
        "B1 does not depend on its own factor (B_dependencies[1] = [0]): native lacks this, "
        "pymdp refuses such "
        "a model"
    ]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"semantics": "pymdp-0.0.7", "num_obs": (1 << 9, 1 << 9, 4)}, "semantics"),
        ({"inference_algo": "mmp"}, "inference_algo"),
        ({"action_selection": "stochastic", "num_policies": 1 << 17}, "action_selection"),
        ({"learn_A": True}, "learn_A"),
        ({"learn_D": True}, "learn_D"),
        ({"use_param_info_gain": True}, "use_param_info_gain"),
        ({"categorical_obs": True}, "categorical_obs"),
        ({"num_iter": 0}, "num_iter"),
        ({"sampling_mode": "other"}, "sampling_mode"),
        ({"sampling_mode": "marginal", "B_action_dependencies": ((), ())}, "B_action_dependencies"),
    ],
)
def test_each_feature_outside_the_subset_is_named(change: dict[str, Any], word: str) -> None:
    model = dataclasses.replace(random_model("still_factor"), **change)
    assert [word in reason for reason in refusals(model)] == [True]


def test_all_reasons_are_given_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = dataclasses.replace(rootless(), learn_B=True, inference_algo="vmp")
    ir.save(model, tmp_path / "ir")
    assert plan_agent.main(["--ir", str(tmp_path / "ir"), "--out", str(tmp_path / "plan")]) == 1
    shown = capsys.readouterr().err
    assert all(word in shown for word in ("learn_B", "vmp", "B1 does not depend"))
    assert not (tmp_path / "plan").exists()


def test_too_many_predicted_beliefs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MAX_COLUMN_STATES", 100)
    with pytest.raises(ir.ModelError, match="shorten policy_len"):
        plan.build(random_model("one_factor"))


def contents(model: Model, folder: Path) -> dict[str, bytes]:
    ir.save(model, folder / "ir")
    assert plan_agent.main(["--ir", str(folder / "ir"), "--out", str(folder / "plan")]) == 0
    return {path.name: path.read_bytes() for path in sorted((folder / "plan").iterdir())}


def test_same_model_same_bytes(tmp_path: Path) -> None:
    assert contents(random_model("two_moving"), tmp_path / "a") == contents(
        random_model("two_moving"), tmp_path / "b"
    )


def test_preferences_change_the_plan_but_not_the_interface(tmp_path: Path) -> None:
    model = random_model("one_factor")
    before = contents(model, tmp_path / "a")
    after = contents(
        dataclasses.replace(model, C=(model.C[0] + np.arange(6.0), model.C[1])), tmp_path / "b"
    )
    assert before["interface.json"] == after["interface.json"]
    assert before["tables.bin"] != after["tables.bin"]


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    wanted = plan.build(random_model("still_factor"))
    files.save(wanted, tmp_path)
    result = files.load(tmp_path)
    assert sorted(result.tables) == sorted(wanted.tables)
    for name, array in wanted.tables.items():
        assert result.tables[name].dtype == array.dtype and np.array_equal(
            result.tables[name], array
        )
    files.save(result, tmp_path / "again")
    assert (tmp_path / "again/plan.json").read_bytes() == (tmp_path / "plan.json").read_bytes()
