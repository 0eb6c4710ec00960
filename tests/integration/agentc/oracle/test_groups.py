"""Marginal sampling of controls that belong together: those of one factor are chosen at once, no
control twice.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from agentc.ir.files import Model, validate
from agentc.oracle import action_selection as choice, agent as reference

from tests.support.native_agents import emitted, probed, proved
from tests.support.requirements import need_module
from tests.support.small_models import driven, one_factor, overlapping

JOINED = driven([[1, 0], [2]], (3, 2, 2))
SHARED = driven([[0, 1], [2], [0, 1]], (2, 3, 2), seed=4)


def test_groups_are_the_rows_that_have_a_choice() -> None:
    assert (
        one_factor().groups == ((0,),)
        and JOINED.groups == ((1, 0), (2,))
        and SHARED.groups == ((0, 1), (2,))
    )
    assert (
        driven([[0], [1]], (1, 3)).groups == ((0,),)
        and not JOINED.groups_clash
        and not SHARED.groups_clash
    )
    assert replace(overlapping(), sampling_mode="full").groups_clash
    assert any("could choose it differently" in error for error in validate(overlapping()))
    orphan = replace(JOINED, B_action_dependencies=((1, 0), ()))
    assert orphan.groups_clash


@pytest.mark.parametrize("model", [JOINED, SHARED], ids=["joined", "shared"])
def test_each_group_does_what_its_own_marginal_favours(model: Model) -> None:
    agent = reference.prepare(model)
    verdict = reference.infer_policies(agent, model.D)
    action, policy = choice.select(agent, verdict)
    wide = verdict.q_pi.reshape([model.num_controls[c] for c in model.control_factors])
    for group in model.groups:
        summed = wide.sum(axis=tuple(c for c in range(wide.ndim) if c not in group))
        best = np.unravel_index(int(np.argmax(summed)), summed.shape)
        assert tuple(action[c] for c in sorted(group)) == tuple(int(u) for u in best)
    assert tuple(model.policies[policy, 0]) == action
    lost = choice.regret(agent, verdict)
    assert (
        float(lost[np.ravel_multi_index(action, wide.shape)]) == 0.0
        and np.count_nonzero(lost == 0.0) == 1
    )


@pytest.mark.slow
@pytest.mark.parametrize("selection", ["deterministic", "stochastic"])
@pytest.mark.parametrize("model", [JOINED, SHARED], ids=["joined", "shared"])
def test_compiled_code_chooses_by_groups(model: Model, selection: str, tmp_path: Path) -> None:
    need_module("ziglang")
    agent = emitted(replace(model, action_selection=selection), "scout", tmp_path)
    probed(agent)
    assert proved(agent) == 0
