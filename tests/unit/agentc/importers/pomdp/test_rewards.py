"""Rewards of state and action as an observed modality: the expected utility of every policy is its
expected reward.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import import_pomdp
import numpy as np
import pytest
from agentc.importers.pomdp import parser as pomdp_text, reader as ingest_pomdp
from agentc.importers.pomdp.rewards import RewardOptions
from agentc.importers.resolve import resolve
from agentc.ir import files as ir
from agentc.ir.types import ModelError
from agentc.ir.validate import validate
from agentc.oracle import agent as reference
from agentc.plan import backend as choose_runtime, feature_support as plan_subset

from tests.support.native_agents import random_model

TIGER = """\
discount: 0.95
values: reward
states: tiger-left tiger-right
actions: listen left right
observations: growl-left growl-right
T: listen identity
T: left uniform
T: right uniform
O: * uniform
O: listen
0.85 0.15
0.15 0.85
R: listen : * : * : * -1
R: left : tiger-left : * : * -100
R: left : tiger-right : * : * 10
R: right : tiger-left : * : * 10
R: right : tiger-right : * : * -100
"""
LISTEN, LEFT, RIGHT = 0, 1, 2
CORRIDOR = """\
# A lamp at one end of a corridor: observations are better near it. Only stopping at home pays.
discount: 0.9
values: reward
states: home hall lamp
actions: west east stop
observations: near far
start exclude: lamp
T: west
1 0 0
1 0 0
0 1 0
T: east
0 1 0
0 0 1
0 0 1
T: stop identity
O: *
0.5 0.5
0.6 0.4
0.95 0.05
R: * : * : * : * -0.1
R: stop : home : * : * 5
R: stop : hall : * : * -2
R: stop : lamp : * : * -2
"""
MACHINE = """\
# A machine wears out. Looking costs, repairing costs more, a broken one makes scrap.
discount: 0.99
values: cost
states: 3
actions: run look repair
observations: good bad
start: 0
T: repair : *
1 0 0
T: run
0.8 0.15 0.05
0 0.7 0.3
0 0 1
T: look identity
O: run uniform
O: repair uniform
O: look
0.9 0.1
0.4 0.6
0.1 0.9
R: run : 0 : *
-4 -4
R: run : 1
-2 -2
-2 -2
-2 -2
R: run : 2 : * : * 3
R: look : * : * : * 0.5
R: repair : * : * : * 2.5
"""
SHUTTLE = """\
# A ferry between two docks: backing into the far dock pays, bumping costs; end state and
# observation determine the reward.
discount: 0.95
values: reward
states: dock sea pier
actions: ahead back
observations: quay water nothing
start include: dock sea
T: ahead
0.1 0.9 0
0 0.2 0.8
0 0 1
T: back
1 0 0
0.7 0.3 0
0 0.5 0.5
O: *
0.7 0.3 0
0.1 0.6 0.3
0.6 0.4 0
R: * : * : pier : * 4
R: ahead : pier : pier : quay -3
R: back : sea : dock : water 7
"""
FILES = {"tiger": TIGER, "corridor": CORRIDOR, "machine": MACHINE, "shuttle": SHUTTLE}
PURE: dict[str, Any] = {"use_states_info_gain": False}


def imported(text: str, wanted: RewardOptions = RewardOptions(), **inference: Any) -> ir.Model:
    source = ingest_pomdp.source_of(
        pomdp_text.parse(text), None, inference.get("policy_len", 1), wanted
    )
    return resolve(source, inference)[0]


def refused(text: str, wanted: RewardOptions = RewardOptions()) -> str:
    with pytest.raises(ModelError) as error:
        imported(text, wanted)
    return str(error.value)


def rewards(model: pomdp_text.Pomdp) -> np.ndarray[Any, Any]:
    """R[action, start], the expected reward: every event by itself, the last statement that fits
    it.
    """

    def fits(pick: Any, i: int) -> bool:
        return isinstance(pick, slice) or pick == i

    array = np.zeros(model.T.shape[:2])
    for a, s, e, o in itertools.product(*map(range, (*model.T.shape, model.observations.size))):
        value = 0.0
        for one in model.rewards:
            if (
                fits(one.action, a)
                and fits(one.start, s)
                and fits(one.end, e)
                and fits(one.seen, o)
            ):
                cells = np.broadcast_to(one.values, (model.states.size, model.observations.size))
                value = float(cells[e, o])
        array[a, s] += model.T[a, s, e] * model.seen[a, e, o] * (-value if model.cost else value)
    return array


def worth(model: pomdp_text.Pomdp, belief: Any, actions: Sequence[int]) -> float:
    """The expected discounted reward of a sequence of actions."""
    table, total = rewards(model), 0.0
    for t, a in enumerate(actions):
        total += model.discount**t * float(table[a] @ belief)
        belief = belief @ model.T[a]
    return total


def best(model: pomdp_text.Pomdp, belief: Any) -> int:
    """The best action when one is left: the textbook's finite-horizon value of one step."""
    return int(np.argmax([worth(model, belief, (a,)) for a in range(model.actions.size)]))


def updated(model: pomdp_text.Pomdp, belief: Any, a: int, o: int) -> Any:
    """Bayes' rule."""
    after = (belief @ model.T[a]) * model.seen[a][:, o]
    return after / after.sum()


def level_of(model: ir.Model, value: float) -> int:
    """The index of a reward among the levels."""
    first = model.C[1] if model.C[1].ndim == 1 else model.C[1][0]
    return int(np.flatnonzero(np.isclose(first, value))[-1])


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("name", FILES)
def test_the_expected_utility_of_a_policy_is_its_expected_reward(name: str, length: int) -> None:
    file, random = pomdp_text.parse(FILES[name]), np.random.default_rng(length)
    model = imported(FILES[name], policy_len=length, **PURE)
    agent = reference.prepare(model)
    assert model.num_obs[1] == model.num_states[-1] and model.B_dependencies[-1] == (
        0,
        len(model.num_states) - 1,
    )
    for belief in (file.start, *random.dirichlet(np.ones(file.states.size), 4)):
        result = reference.infer_policies(agent, (belief, *model.D[1:])).neg_efe
        policies = itertools.product(range(file.actions.size), repeat=length)
        assert np.allclose(
            result, [worth(file, belief, actions) for actions in policies], atol=1e-9
        )


def test_observing_a_reward_changes_no_belief_about_the_state() -> None:
    model = imported(TIGER)
    agent = reference.prepare(model)
    prior = reference.next_prior(agent, reference.infer_states(agent, (0, 0), model.D), (LISTEN,))
    beliefs = [
        reference.infer_states(agent, (0, level), prior)[0] for level in range(model.num_obs[1])
    ]
    assert all(np.allclose(q, [0.85, 0.15], atol=1e-9) for q in beliefs)


def test_levels_are_named_and_what_was_chosen_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.pomdp").write_text(TIGER)
    words = [
        "--source",
        str(tmp_path / "m.pomdp"),
        "--out",
        str(tmp_path / "ir"),
        "--labels",
        str(tmp_path / "labels.json"),
    ]
    assert import_pomdp.main([*words, "--reward-scale", "0.5"]) == 0
    assert "rewards: observed, 3 levels (-100, -1, 10)" in capsys.readouterr().out
    labels = json.loads((tmp_path / "labels.json").read_bytes())
    assert labels["observations"][1] == {
        "name": "reward",
        "size": 4,
        "elements": ["none", "-100", "-1", "10"],
    }
    assert labels["rewards"] == {
        "kind": "observed",
        "levels": ["-100", "-1", "10"],
        "scale": 0.5,
        "information_gain": False,
    }
    assert np.array_equal(ir.load(tmp_path / "ir").C[1], [0.0, -50.0, -0.5, 5.0])


def test_the_information_gain_of_the_reward_counts_where_it_is_asked_for() -> None:
    without, having = (
        reference.prepare(imported(TIGER, RewardOptions(gain=gain))) for gain in (False, True)
    )
    belief = (np.array([0.3, 0.7]), *without.model.D[1:])
    plain, gained = (reference.infer_policies(agent, belief).neg_efe for agent in (without, having))
    entropy = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7))
    assert np.allclose(gained - plain, [0.0, entropy, entropy], atol=1e-9)
    heard = reference.infer_policies(reference.prepare(imported(TIGER, **PURE)), belief).neg_efe
    assert plain[LISTEN] > heard[LISTEN] and np.allclose(plain[1:], heard[1:], atol=1e-9)


def test_rewards_that_observations_tell_stay_preferences_unless_observed_is_asked_for() -> None:
    text = TIGER[: TIGER.index("R:")] + "R: * : * : * : growl-left 3\n"
    assert imported(text).num_obs == (2,) and imported(text).utility_only == ()
    assert np.array_equal(imported(text, RewardOptions(scale=2.0)).C[0], [6.0, 0.0])
    observed = imported(text, RewardOptions("observed"))
    assert (
        observed.num_obs == (2, 3)
        and not observed.C[0].any()
        and np.array_equal(observed.C[1], [0.0, 0.0, 3.0])
    )
    assert 'rewards = "observed"' in refused(TIGER, RewardOptions("preferences"))
    assert imported(TIGER[: TIGER.index("R:")], RewardOptions("observed")).num_obs == (2,)


def test_rewards_of_impossible_events_are_no_levels() -> None:
    assert imported(TIGER + "R: listen : tiger-left : tiger-right : * 77\n").num_obs == (2, 4)


def test_too_many_levels_are_refused_with_a_way_out() -> None:
    head = (
        "discount: 1\nvalues: reward\nstates: {0}\nactions: 1\nobservations: 1\nT: * "
        "identity\nO: * uniform\n"
    )
    for count in (256, 257):
        text = head.format(count) + "".join(f"R: 0 : {s} : * : * {s}.25\n" for s in range(count))
        if count > 256:
            message = refused(text)
            assert (
                "257 different rewards, at most 256" in message
                and "round the rewards" in message
                and "preferences = {}" in message
            )
        else:
            assert "more than 16777216 entries" in refused(text)
    few = head.format(200) + "".join(f"R: 0 : {s} : * : * {s}.25\n" for s in range(200))
    assert imported(few).num_obs == (1, 201)


def test_modalities_that_count_by_utility_alone_are_written_only_where_there_are_some(
    tmp_path: Path,
) -> None:
    plain, other = random_model("one_factor"), random_model("one_factor", utility_only=(1,))
    ir.save(plain, tmp_path / "a")
    ir.save(other, tmp_path / "b")
    assert (
        b"utility_only" not in (tmp_path / "a/model.json").read_bytes()
        and ir.load(tmp_path / "a").utility_only == ()
    )
    assert b'"utility_only":[1]' in (tmp_path / "b/model.json").read_bytes() and ir.load(
        tmp_path / "b"
    ).utility_only == (1,)
    assert any(
        "utility_only" in error for error in validate(random_model("one_factor", utility_only=(2,)))
    )
    assert any(
        "utility_only" in error
        for error in validate(random_model("one_factor", utility_only=(0, 0)))
    )
    assert (
        plan_subset.refusals(other) == []
        and choose_runtime.advise(other)["multiplications"]["python"] is None
    )
