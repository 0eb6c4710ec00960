"""Updates of several sets side by side have the bits of the stated updates of each set."""

from __future__ import annotations

import numpy as np
from agentc.ir.files import F64, Model
from agentc.numerics.exact_math import softmax, total
from agentc.oracle.mean_field import fixed_points

from tests.support.native_agents import columns, make

PARENTS = ((0, 1, 2), (2, 0), (0, 1, 2), (1,))


def crossed() -> Model:
    rng, states = np.random.default_rng(3), (4, 3, 4)
    A = [columns(rng, (5, *(states[f] for f in parents))) for parents in PARENTS]
    B = [columns(rng, (n, n, 2)) for n in states]
    return make(A, B, PARENTS, (2, 2, 2), num_iter=5)


def stated(model: Model, evidence: list[F64], log_prior: list[F64]) -> list[F64]:
    """Each message by itself: the last of the other parents is averaged out first."""
    log_q = [np.zeros(n) for n in model.num_states]
    for _ in range(model.num_iter):
        q = [softmax(x) for x in log_q]
        log_q = [np.zeros(n) for n in model.num_states]
        for parents, tensor in zip(model.A_dependencies, evidence, strict=True):
            for kept, factor in enumerate(parents):
                rest = tensor
                for axis in reversed(range(len(parents))):
                    if axis != kept:
                        shape = [1] * rest.ndim
                        shape[axis] = -1
                        rest = total(rest * q[parents[axis]].reshape(shape), axis)
                log_q[factor] = log_q[factor] + rest
        log_q = [own + p for own, p in zip(log_q, log_prior, strict=True)]
    return [softmax(x) for x in log_q]


def test_each_set_has_the_bits_of_the_stated_updates() -> None:
    model, rng = crossed(), np.random.default_rng(4)
    assert model.A_dependencies == PARENTS
    evidence = [[-5.0 * rng.random(a.shape[1:]) for a in model.A] for _ in range(3)]
    log_prior = [[-5.0 * rng.random(n) for n in model.num_states] for _ in range(3)]
    together = fixed_points(model, evidence, log_prior)
    for one in range(3):
        (alone,) = fixed_points(model, evidence[one : one + 1], log_prior[one : one + 1])
        expected = stated(model, evidence[one], log_prior[one])
        for ours, single, other in zip(together[one], alone, expected, strict=True):
            assert ours.tolist() == single.tolist() == other.tolist()


def test_a_set_that_is_settled_keeps_its_bits_while_another_goes_on() -> None:
    model = crossed()
    flat = [np.zeros(a.shape[1:]) for a in model.A]
    rng = np.random.default_rng(5)
    sharp = [-30.0 * rng.random(a.shape[1:]) for a in model.A]
    prior = [np.zeros(n) for n in model.num_states]
    both = fixed_points(model, [flat, sharp], [prior, prior])
    assert [q.tolist() for q in both[0]] == [[1 / n] * n for n in model.num_states]
    assert [q.tolist() for q in both[1]] == [q.tolist() for q in stated(model, sharp, prior)]
