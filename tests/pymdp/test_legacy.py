"""Object arrays of 0.0.7 with its meaning: our float64 agent believes and judges policies as pymdp's legacy agent does."""
from __future__ import annotations

import json
from pathlib import Path

import ingest_objects
import numpy as np
import pytest
import reference

from tests.needs import need_module
from tests.unit.tools.small_models import columns

pytestmark = pytest.mark.slow


def test_one_factor_and_one_modality_are_the_same_agent(tmp_path: Path) -> None:
    need_module("pymdp")
    from pymdp.legacy import utils
    from pymdp.legacy.agent import Agent

    rng = np.random.default_rng(6)
    A, B, C = (columns(rng, 3, 4) + 0.01, columns(rng, 4, 4, 2), rng.normal(size=3))
    A = A / A.sum(axis=0)
    old = {letter: utils.to_obj_array(array) for letter, array in (("A", A), ("B", B), ("C", C))}
    np.savez(tmp_path / "m.npz", allow_pickle=True, **old)
    (tmp_path / "m.json").write_text(json.dumps({"semantics": "pymdp-0.0.7", "policy_len": 2}))
    ours = reference.prepare(ingest_objects.make(tmp_path / "m.npz", tmp_path / "m.json", "{}")[0])
    theirs, prior = Agent(**old, policy_len=2), reference.initial_prior(ours)
    for _ in range(12):
        likely = A @ prior[0]
        obs = int(rng.choice(3, p=likely / likely.sum()))
        qs, beliefs = reference.infer_states(ours, [obs], prior), theirs.infer_states([obs])
        verdict, (q_pi, _) = reference.infer_policies(ours, qs), theirs.infer_policies()
        assert np.max(np.abs(np.asarray(beliefs[0], dtype=float) - qs[0])) <= 1e-9
        assert np.max(np.abs(q_pi - verdict.q_pi)) <= 1e-6
        action = int(theirs.sample_action()[0])
        prior = reference.next_prior(ours, qs, (action,))
