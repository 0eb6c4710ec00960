"""The table of features: what it says of native is what native does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from agentc.ir.files import Model
from agentc.plan.feature_support import FEATURES, OVERLAPPING, Feature, refusals, table

from tests.support.native_agents import random_model
from tests.support.small_models import overlapping
from tests.unit.agentc.plan.test_build import rootless

PLAIN = random_model("still_factor")
REFUSED = {
    "B without its own factor": rootless(),
    "inference_algo = 'mmp' or 'vmp', with inference_horizon": dataclasses.replace(
        PLAIN, inference_algo="vmp", inference_horizon=3
    ),
    "use_param_info_gain": dataclasses.replace(PLAIN, use_param_info_gain=True, pA=PLAIN.A),
    OVERLAPPING: overlapping(),
    "learn_A, learn_B offline": dataclasses.replace(
        PLAIN, learn_B=True, learning_mode="offline", pB=PLAIN.B
    ),
    "learn_A, learn_B online": dataclasses.replace(PLAIN, learn_B=True, pB=PLAIN.B),
    "learn_C, learn_D, learn_E": dataclasses.replace(PLAIN, learn_D=True),
    "categorical_obs": dataclasses.replace(PLAIN, categorical_obs=True),
}


def test_the_examples_here_are_all_that_native_refuses() -> None:
    assert set(REFUSED) == {feature.name for feature in FEATURES if feature.native}


@pytest.mark.parametrize(
    "feature", [f for f in FEATURES if f.native], ids=lambda feature: feature.name
)
def test_a_refused_feature_is_refused_with_its_reason_and_alone(feature: Feature) -> None:
    model: Model = REFUSED[feature.name]
    assert feature.used(model) and not feature.used(PLAIN)
    (message,) = refusals(model)
    assert feature.native in message and message.index(":") > 0 and not message.startswith(":")


def test_the_table_has_a_row_for_each_feature() -> None:
    assert len(table().splitlines()) == 2 + len(FEATURES)
    assert "| learn_A, learn_B online | refused: its matrices are compiled in | yes |" in table()


def test_the_page_of_the_compiler_has_the_table() -> None:
    page = Path(__file__).parents[4] / "buildgraph/docs/design/agent-compiler.md"
    assert table() in page.read_text(encoding="utf-8")
