"""Compiled agents of models with rewards."""

from __future__ import annotations

from pathlib import Path

import pytest
from agentc.importers.pomdp.rewards import RewardOptions
from agentc.ir import files as ir

from tests.support.native_agents import emitted, probed, proved, random_model
from tests.support.requirements import need_module
from tests.unit.agentc.importers.pomdp.test_rewards import MACHINE, SHUTTLE, TIGER, imported


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        random_model("two_moving", utility_only=(1,)),
        random_model("one_factor", utility_only=(0, 1)),
        imported(TIGER, policy_len=2),
        imported(MACHINE, policy_len=3),
        imported(SHUTTLE, RewardOptions(gain=True)),
    ],
    ids=["two_moving", "all", "tiger", "machine", "shuttle"],
)
def test_compiled_code_leaves_out_the_same_information_gain(
    model: ir.Model, tmp_path: Path
) -> None:
    need_module("ziglang")
    agent = emitted(model, "scout", tmp_path)
    probed(agent, episodes=4, steps=11)
    assert proved(agent) == 0
