"""The reference agent against a naive evaluation with numpy's logarithms, and theory."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from agentc.importers import inductive
from agentc.ir import files as ir
from agentc.oracle import action_selection as choice, agent as reference
from agentc.oracle.contraction import joint, multiply, rows_of, weights_of

from tests.support.small_models import columns, entangled, one_factor

TINY = 2.0**-52


def naive_neg_efe(model: ir.Model, qs: tuple[Any, ...], policy: Any) -> float:
    """One policy, every product spelled out; logarithms from the C library."""
    value, beliefs = 0.0, list(qs)
    for t in range(model.policy_len):
        action = dict(zip(model.control_factors, policy[t], strict=True))
        beliefs = [
            contract(
                b[(..., *(action.get(c, 0) for c in model.B_action_dependencies[f]))],
                [beliefs[d] for d in model.B_dependencies[f]],
            )
            for f, b in enumerate(model.B)
        ]
        for m, a in enumerate(model.A):
            parents = [beliefs[f] for f in model.A_dependencies[m]]
            seen = contract(a, parents)
            entropy_of_columns = -(a * np.log(np.maximum(a, TINY))).sum(axis=0)
            preference = model.C[m][t] if model.C_time_varying[m] else model.C[m]
            if model.use_states_info_gain:
                value += float(-(seen * np.log(np.maximum(seen, TINY))).sum())
                value -= float(contract(entropy_of_columns[None], parents)[0])
            if model.use_utility:
                value += float((preference * seen).sum())
    return value


def contract(tensor: Any, beliefs: list[Any]) -> Any:
    for q in reversed(beliefs):
        tensor = (tensor * q).sum(axis=-1)
    return tensor


@pytest.mark.parametrize(
    "model",
    [
        one_factor(),
        entangled(),
        entangled(use_utility=False),
        entangled(use_states_info_gain=False),
        one_factor(3, policy_len=3),
    ],
    ids=["one factor", "entangled", "no utility", "no info gain", "deeper"],
)
def test_every_policy_is_worth_what_the_formula_says(model: ir.Model) -> None:
    agent = reference.prepare(model)
    qs = reference.infer_states(agent, [0] * len(model.A), model.D)
    verdict = reference.infer_policies(agent, qs)
    naive = [naive_neg_efe(model, qs, policy) for policy in model.policies]
    assert np.max(np.abs(verdict.neg_efe - naive)) < 1e-12
    prior = np.zeros(len(naive)) if model.E is None else np.log(np.maximum(model.E, TINY))
    weight = np.exp(model.gamma * np.array(naive) + prior)
    assert np.max(np.abs(verdict.q_pi - weight / weight.sum())) < 1e-12


def test_one_factor_is_bayes_rule_and_vfe_is_surprise() -> None:
    model = one_factor(4)
    agent = reference.prepare(model)
    prior = (np.array([0.1, 0.2, 0.3, 0.4]),)
    for obs in itertools.product(range(3), range(2)):
        weight = model.A[0][obs[0]] * model.A[1][obs[1]] * prior[0]
        if weight.sum() == 0.0:
            continue
        qs = reference.infer_states(agent, obs, prior)
        assert np.max(np.abs(qs[0] - weight / weight.sum())) < 1e-12
        assert abs(reference.free_energy(agent, obs, prior, qs) + math.log(weight.sum())) < 1e-10


def test_an_impossible_observation_leaves_finite_beliefs() -> None:
    model = replace(
        one_factor(), A=(np.array([[1.0] * 4, [0.0] * 4, [0.0] * 4]), one_factor().A[1])
    )
    agent = reference.prepare(model)
    qs = reference.infer_states(agent, [2, 0], model.D)
    assert np.all(np.isfinite(qs[0])) and abs(float(qs[0].sum()) - 1.0) < 1e-12


def test_independent_factors_are_inferred_exactly() -> None:
    rng = np.random.default_rng(3)
    from agentc.importers.resolve import ModelSource, resolve

    A = [columns(rng, 3, 2), columns(rng, 2, 3)]
    model, _ = resolve(
        ModelSource(
            A=A,
            B=[columns(rng, 2, 2, 2), columns(rng, 3, 3, 1)],
            spec={"A_dependencies": [[0], [1]]},
        ),
        {},
    )
    qs = reference.infer_states(reference.prepare(model), [0, 1], model.D)
    for q, row in zip(qs, (model.A[0][0], model.A[1][1]), strict=True):
        clipped = np.maximum(row, TINY)
        assert np.max(np.abs(q - clipped / clipped.sum())) < 1e-12


def test_the_executed_action_moves_the_prior() -> None:
    model = one_factor()
    agent = reference.prepare(model)
    for u in range(3):
        assert (
            np.max(
                np.abs(
                    reference.next_prior(agent, model.D, [u])[0] - model.B[0][:, :, u] @ model.D[0]
                )
            )
            < 1e-15
        )


def test_ties_go_to_the_lowest_index_within_a_tenth_of_a_millinat() -> None:
    assert choice.argmax_with_ties(np.array([0.0, 1.0 - 0.99e-4, 1.0, 1.0])) == 1
    assert choice.argmax_with_ties(np.array([0.0, 1.0 - 1.01e-4, 1.0, 1.0])) == 2


def test_marginal_selection_adds_up_the_policies() -> None:
    model = one_factor(policy_len=2, sampling_mode="marginal")
    agent = reference.prepare(model)
    q_pi = np.array([0.0, 0.0, 0.4, 0.2, 0.2, 0.1, 0.1, 0.0, 0.0])
    verdict = reference.PolicyEvaluation(np.zeros(9), np.log(np.maximum(q_pi, 1e-300)), q_pi)
    assert choice.select(agent, verdict) == ((1,), 3)
    full = reference.prepare(one_factor(policy_len=2))
    assert choice.select(full, verdict) == ((0,), 2)


def test_several_controls_give_one_action_each() -> None:
    model = entangled()
    agent = reference.prepare(model)
    verdict = reference.infer_policies(agent, model.D)
    action, index = choice.select(agent, verdict)
    assert len(action) == 2 and action == tuple(model.policies[index, 0])
    assert choice.first_actions(model).tolist() == [[a, b] for a in range(2) for b in range(3)]


def test_features_that_are_not_covered_are_all_named() -> None:
    model = replace(
        entangled(),
        learn_A=True,
        categorical_obs=True,
        inference_algo="vmp",
        use_param_info_gain=True,
    )
    with pytest.raises(ir.ModelError) as caught:
        reference.prepare(model)
    assert len(caught.value.errors) == 4
    assert reference.unsupported(replace(entangled(), inference_algo="exact")) != []
    assert reference.unsupported(replace(one_factor(), inference_algo="exact")) == []


def test_stochastic_selection_inverts_the_cumulative_odds() -> None:
    model = one_factor(policy_len=1, action_selection="stochastic", alpha=2.0)
    agent = reference.prepare(model)
    q_pi = np.array([0.2, 0.6, 0.2])
    verdict = reference.PolicyEvaluation(np.zeros(3), np.log(q_pi), q_pi)
    assert np.allclose(
        choice.choice_probabilities(model, q_pi), np.array([0.04, 0.36, 0.04]) / 0.44
    )
    drawn = [choice.select(agent, verdict, [u])[1] for u in (0.0, 0.09, 0.0910, 0.9, 0.91)]
    assert drawn == [0, 0, 1, 1, 2]
    assert np.allclose(choice.regret(agent, verdict, [0.95]), [0.95 - 1 / 11, 0.95 - 10 / 11, 0.0])


def test_drawn_actions_are_as_frequent_as_their_odds() -> None:
    model = replace(entangled(), action_selection="stochastic", sampling_mode="marginal", alpha=1.5)
    agent = reference.prepare(model)
    verdict = reference.infer_policies(agent, model.D)
    result = [
        choice.select(agent, verdict, choice.selection_numbers(model, 7, n))[0] for n in range(4000)
    ]
    for column, p in enumerate(choice.action_marginals(agent, verdict)):
        share = np.bincount([action[column] for action in result], minlength=len(p)) / len(result)
        assert np.max(np.abs(share - choice.choice_probabilities(model, p))) < 0.03


def test_goals_reach_back_through_likely_transitions() -> None:
    chain = np.zeros((4, 4, 2))
    chain[:, :, 0] = np.eye(4)
    chain[(1, 2, 3, 3), range(4), 1] = 1.0
    goal = np.array([0.0, 0.0, 0.0, 1.0])
    (rows,) = inductive.reachability([goal], [chain], 0.1, 4)
    assert rows.tolist() == [[0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 1]]
    (none,) = inductive.reachability([goal], [np.where(chain == 1.0, 0.1, 0.0)], 0.1, 2)
    assert none[1].tolist() == [0, 0, 0, 0]


def test_goals_that_have_no_meaning_are_refused_by_name() -> None:
    goal = np.array([0.0, 1.0])
    assert inductive.goal_errors([goal], [2], ((0,),), 3) == []
    assert "H0 is negative" in inductive.goal_errors([-goal], [2], ((0,),), 3)[0]
    assert "one goal per factor" in inductive.goal_errors([goal], [3], ((0,),), 3)[0]
    assert "B_dependencies[0]" in inductive.goal_errors([goal, goal], [2, 2], ((0, 1), (1,)), 3)[0]


def test_products_skip_zeros_and_nothing_else() -> None:
    rng = np.random.default_rng(9)
    matrix, q = columns(rng, 5, 7), columns(rng, 7, 3)
    assert (
        np.max(np.abs(multiply(weights_of(matrix, rows_of(matrix != 0.0)), q) - matrix @ q)) < 1e-15
    )
    first, second = columns(rng, 2, 3), columns(rng, 4, 3)
    assert np.array_equal(joint([first, second])[:, 1], np.outer(first[:, 1], second[:, 1]).ravel())
    assert np.array_equal(
        multiply(weights_of(np.zeros((2, 2)), rows_of(np.zeros((2, 2), bool))), np.ones((2, 3))),
        np.zeros((2, 3)),
    )
