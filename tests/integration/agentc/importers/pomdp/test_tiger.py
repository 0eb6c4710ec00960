"""The tiger: an agent with rewards against exact beliefs, for all sequences of six observations."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from agentc.importers.pomdp import parser as pomdp_text
from agentc.importers.pomdp.rewards import RewardOptions
from agentc.oracle import agent as reference

from tests.unit.agentc.importers.pomdp.test_rewards import (
    LEFT,
    LISTEN,
    PURE,
    RIGHT,
    TIGER,
    best,
    imported,
    level_of,
    updated,
)


@pytest.mark.parametrize("inference", [{}, PURE])
@pytest.mark.parametrize("gain", [False, True])
def test_the_tiger_is_listened_to_until_it_is_sure_enough(
    inference: dict[str, Any], gain: bool
) -> None:
    file, model = pomdp_text.parse(TIGER), imported(TIGER, RewardOptions(gain=gain), **inference)
    agent = reference.prepare(model)
    for growls in itertools.product((0, 1), repeat=6):
        prior, belief, did = reference.initial_prior(agent), file.start, []
        seen, reward = 0, 0
        for step in range(len(growls)):
            qs = reference.infer_states(agent, (seen, reward), prior)
            assert np.allclose(qs[0], belief, atol=1e-9)
            action = int(np.argmax(reference.infer_policies(agent, qs).neg_efe))
            assert action == best(file, belief), (growls, step)
            did.append(action)
            seen, reward = growls[step], level_of(model, -1.0 if action == LISTEN else 10.0)
            prior, belief = (
                reference.next_prior(agent, qs, (action,)),
                updated(file, belief, action, seen),
            )
        assert did[0] == did[1] == LISTEN
        if growls[0] == growls[1]:
            assert did[2] == (RIGHT if growls[0] == 0 else LEFT) and did[3] == did[4] == LISTEN
        else:
            assert did[2] == LISTEN
