"""Trials: parts that were made apart are the set that was made at once, and findings are read as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from agentc.ir.files import Model
from agentc.proof import probe
from agentc.proof.fidelity import Findings, Limits
from agentc.proof.replay import load_probe
from agentc.quantize.trial import joined, load, save

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
        probe.probe(model, tmp_path / f"{first} {count}", count, 3, 1, first=first)
    whole, *parts = (load_probe(tmp_path / name) for name in ("0 7", "0 4", "4 3"))
    found = joined(parts)
    assert found.facts["episodes"] == 7 and np.array_equal(found.records(), whole.records())
    for name in ("action", "qs", "regret"):
        assert np.array_equal(getattr(found, name), getattr(whole, name))
    assert found.facts["steps"] == 3 and (found.plans is None) == (whole.plans is None)
    assert (found.q_pi is None) == (whole.q_pi is None)
    if found.q_pi is not None and whole.q_pi is not None:
        assert np.array_equal(found.q_pi, whole.q_pi)


def test_other_limits_read_the_same_findings(tmp_path: Path) -> None:
    found = Findings(
        np.array([0.0, 2e-3, np.nan]), np.array([1e-6, 1e-6, 1e-6]), np.array([True, False, False])
    )
    save(found, {"episodes": 3}, tmp_path)
    assert load(tmp_path, Limits())[0].violating.tolist() == [False, True, True]
    again, facts = load(tmp_path, Limits(kl=1e-5, regret=1e-2))
    assert again.violating.tolist() == [False, False, True] and facts == {"episodes": 3}
    assert load(tmp_path, Limits(kl=1e-7))[0].violations == 3
