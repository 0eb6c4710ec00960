"""Trials: separately made parts equal the whole set, and findings are read as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from agentc.ir.files import Model
from agentc.proof import probe
from agentc.proof.fidelity import FidelityLimits, FidelityResult
from agentc.proof.replay import load_probe
from agentc.quantize.trial import concatenate, load, save

from tests.support.native_agents import random_model


@pytest.mark.parametrize(
    "model",
    [
        random_model("two_moving"),
        random_model("one_factor", action_selection="stochastic"),
        random_model("one_factor", plan_every=2),
    ],
    ids=["deterministic", "stochastic", "plans kept"],
)
def test_parts_make_the_whole(model: Model, tmp_path: Path) -> None:
    for first, count in ((0, 7), (0, 4), (4, 3)):
        probe.write_probe(model, tmp_path / f"{first} {count}", count, 3, 1, first=first)
    whole, *parts = (load_probe(tmp_path / name) for name in ("0 7", "0 4", "4 3"))
    array = concatenate(parts)
    assert array.facts["episodes"] == 7 and np.array_equal(array.records(), whole.records())
    for name in ("action", "qs", "regret"):
        assert np.array_equal(getattr(array, name), getattr(whole, name))
    assert array.facts["steps"] == 3 and (array.plans is None) == (whole.plans is None)
    assert (array.q_pi is None) == (whole.q_pi is None)
    if array.q_pi is not None and whole.q_pi is not None:
        assert np.array_equal(array.q_pi, whole.q_pi)


def test_other_limits_read_the_same_findings(tmp_path: Path) -> None:
    array = FidelityResult(
        np.array([0.0, 2e-3, np.nan]), np.array([1e-6, 1e-6, 1e-6]), np.array([True, False, False])
    )
    save(array, {"episodes": 3}, tmp_path)
    assert load(tmp_path, FidelityLimits())[0].violating.tolist() == [False, True, True]
    again, facts = load(tmp_path, FidelityLimits(kl=1e-5, regret=1e-2))
    assert again.violating.tolist() == [False, False, True] and facts == {"episodes": 3}
    assert load(tmp_path, FidelityLimits(kl=1e-7))[0].violations == 3
