"""Semantics of pymdp 0.0.7 where pymdp 1 differs, in float64. Shares no code with the compiler.

Sources: pymdp 0.0.7.1, algos.run_vanilla_fpi, maths.spm_MDP_G, maths.calc_free_energy,
control.calc_expected_utility. Logarithms are ln(p + 1e-16). The likelihood of a state is the
product over modalities before its logarithm. The fixed point ends when the free energy changes by
less than 0.001. Information gain is joint over all modalities, over joint states with a probability
above e^-16 and with ln(p + e^-16) for the ambiguity. Preferences are ln(softmax(C) + 1e-16).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.ir.types import F64, Model
from agentc.numerics.exact_math import exp, log, softmax, total
from agentc.oracle.contraction import Weights, average_out, joint, multiply, rows_of, weights_of

EPSILON = 1e-16
UNLIKELY = float.fromhex("0x1.e355bbaee85cbp-24")
"""e^-16."""
TOLERANCE = 0.001
"""Nats of free energy: the iteration ends when it changes by less."""

Beliefs = tuple[F64, ...]


@dataclass(frozen=True, slots=True, eq=False)
class JointLikelihood:
    """Joint likelihood P(outcomes | states) (joint outcomes, joint states), and ambiguity of each
    state.
    """

    model: Model
    likelihood: F64
    matrix: Weights
    ambiguity: F64


def prepare(model: Model) -> JointLikelihood:
    """Return the constants of all steps."""
    likelihood = np.ones((1, math.prod(model.num_states)))
    for m in range(len(model.num_obs)):
        likelihood = (likelihood[:, None, :] * _expanded(model, m)[None, :, :]).reshape(
            -1, likelihood.shape[1]
        )
    return JointLikelihood(
        model,
        likelihood,
        weights_of(likelihood, rows_of(likelihood != 0.0)),
        total(0.0 - likelihood * log(likelihood + UNLIKELY)),
    )


def _expanded(model: Model, m: int) -> F64:
    """Expand A[m] to the joint states of all factors (outcomes, joint states)."""
    parents = model.A_dependencies[m]
    order = sorted(range(len(parents)), key=parents.__getitem__)
    axes = model.A[m].transpose(0, *(1 + j for j in order))
    sizes = [n if f in parents else 1 for f, n in enumerate(model.num_states)]
    wide = np.broadcast_to(axes.reshape(len(axes), *sizes), (len(axes), *model.num_states))
    return np.ascontiguousarray(wide).reshape(len(axes), -1)


def logs(p: F64) -> F64:
    """Return ln(p + 1e-16)."""
    return log(p + EPSILON)


def log_likelihood(agent: JointLikelihood, obs: Sequence[int]) -> F64:
    """Return the log likelihood of joint states, one axis a factor."""
    row = 0
    for o, n in zip(obs, agent.model.num_obs, strict=True):
        row = row * n + o
    return logs(agent.likelihood[row]).reshape(agent.model.num_states)


def fixed_point(num_iter: int, evidence: F64, log_prior: Sequence[F64]) -> Beliefs:
    """Run at most num_iter iterations from uniform beliefs; one factor is exact at once."""
    if len(log_prior) == 1:
        return (softmax(evidence + log_prior[0]),)
    q: Beliefs = tuple(np.full(len(p), 1.0 / len(p)) for p in log_prior)
    before = free_energy(np.zeros_like(evidence), log_prior, q)
    for _ in range(num_iter):
        q = tuple(softmax(_message(evidence, q, f) + p) for f, p in enumerate(log_prior))
        value = free_energy(evidence, log_prior, q)
        if abs(before - value) < TOLERANCE:
            break
        before = value
    return q


def _message(evidence: F64, q: Beliefs, kept: int) -> F64:
    """Return a factor's expected log likelihood under the beliefs of the others."""
    rest = evidence
    for axis in range(len(q) - 1, -1, -1):
        if axis != kept:
            rest = average_out(rest, axis, q[axis])
    return rest


def free_energy(evidence: F64, log_prior: Sequence[F64], q: Beliefs) -> float:
    """Return the free energy in nats: sum_f q.(ln(q + 1e-16) - ln prior) - E_q[evidence]."""
    value = sum(float(total(own * (logs(own) - p))) for own, p in zip(q, log_prior, strict=True))
    return value - float(total(evidence.reshape(-1) * joint([own[:, None] for own in q])[:, 0]))


def information_gain(agent: JointLikelihood, beliefs: Sequence[F64]) -> F64:
    """Return the joint information gain by node; `beliefs` have shape (states, nodes or 1)."""
    q = joint(beliefs)
    q = np.where(q > UNLIKELY, q, 0.0)
    expected = multiply(agent.matrix, q)
    return np.asarray(total(0.0 - expected * logs(expected)) - total(agent.ambiguity[:, None] * q))


def preferences(C: F64) -> F64:
    """Return ln(softmax(C) + 1e-16) along the last axis."""
    raised = exp(C - C.max(axis=-1, keepdims=True))
    return logs(raised / total(raised, axis=C.ndim - 1)[..., None])
