"""Nominal model of an agent: what its energies, decisions and surprises look like in its own world.

The steps are those of the probe set whose observations come from the model's environment. If the
model has several factors, its posterior is an approximation, and so are its predictions. Then more
episodes measure the mean payoff of each bet, and the bet is divided by an upper bound of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from agentc.ir.types import F64, Model
from agentc.monitor.bets import CAP
from agentc.numerics.counter_rng import draw, uniform
from agentc.numerics.exact_math import log, total
from agentc.oracle.agent import (
    Beliefs,
    ReferenceAgent,
    infer_states,
    initial_prior,
    next_prior,
    prepare,
)
from agentc.oracle.contraction import joint
from agentc.plan.lower_tables import FLOOR
from agentc.proof.probe import next_state, observe
from agentc.proof.replay import Energies, Probe

EPISODES, STEPS, SEED = 32, 16, 1
"""Episodes that measure the payoffs of an approximate agent, and their steps after the first."""
WORK = 1 << 31
"""Limit of episodes x steps x entries; larger models get fewer episodes, four at least."""
ERRORS = 2.0
"""Standard errors of the episodes' mean payoffs that are added to their mean."""
DIGITS = 6


def predicted(agent: ReferenceAgent, prior: Beliefs, obs: Sequence[int]) -> list[float]:
    """Return the probability of each modality's outcome under the prior, at least 2^-52."""
    model = agent.model
    return [
        max(
            float(
                total(model.A[m][o].reshape(-1) * joint([prior[f][:, None] for f in deps])[:, 0])
            ),
            FLOOR,
        )
        for m, (o, deps) in enumerate(zip(obs, model.A_dependencies, strict=True))
    ]


def record(
    model: Model, probe: Probe, energies: Energies, cost: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the document monitor.json; `cost` is the static cost of a step."""
    agent = prepare(model)
    own = [n for n, kind in enumerate(probe.facts["kinds"]) if kind != "random"]
    acting = [n for n, kind in enumerate(probe.facts["kinds"]) if kind == "rollout"] or own
    surprises = np.concatenate([_surprises(agent, probe, n) for n in own])
    divisors = _divisors(agent)
    return {
        "schema": 1,
        "steps": len(own) * probe.facts["steps"],
        "episodes": len(own),
        "exact": divisors is None,
        "modalities": [
            {
                "outcomes": size,
                "surprise": _summary(surprises[:, m]),
                **(divisors[m] if divisors else {"uniform_divisor": 1.0, "repeat_divisor": 1.0}),
            }
            for m, size in enumerate(model.num_obs)
        ],
        "vfe": _summary(energies.vfe[acting]),
        "efe": _summary(energies.efe[acting]),
        "policy_entropy": _summary(energies.policy_entropy[acting]),
        "actions": [
            _frequencies(probe.action[acting][..., c], size)
            for c, size in enumerate(_choices(model))
        ],
        "cost": dict(cost),
    }


def _choices(model: Model) -> list[int]:
    """Return the number of actions of each control that offers a choice."""
    return [n for n in model.num_controls if n > 1]


def _surprises(agent: ReferenceAgent, probe: Probe, episode: int) -> F64:
    """Return -ln p(o) in nats by (step, modality) of an episode, the first step included."""
    prior, rows = initial_prior(agent), []
    sizes = np.cumsum(agent.model.num_states)[:-1]
    for obs, executed, qs in zip(
        probe.obs[episode], probe.executed[episode], probe.qs[episode], strict=True
    ):
        rows.append(predicted(agent, prior, obs.tolist()))
        prior = next_prior(agent, tuple(np.split(qs, sizes)), executed.tolist())
    return np.asarray(0.0 - log(np.array(rows)))


def _divisors(agent: ReferenceAgent) -> list[dict[str, float]] | None:
    """Return the divisor of each bet of each modality; None if predictions are exact."""
    model = agent.model
    if len(model.num_states) == 1:
        return None
    entries = sum(a.size for a in model.A) * model.num_iter + sum(b.size for b in model.B)
    episodes = max(4, min(EPISODES, WORK // (entries * STEPS)))
    payoffs = np.array([_mean_payoffs(agent, n) for n in range(episodes)])
    mean = total(payoffs) / episodes
    spread = np.sqrt(total((payoffs - mean) ** 2) / (episodes - 1))
    upper = np.maximum(1.0, mean + ERRORS * spread / math.sqrt(episodes))
    return [
        {"uniform_divisor": _rounded(u), "repeat_divisor": _rounded(r)} for u, r in upper.tolist()
    ]


def _mean_payoffs(agent: ReferenceAgent, episode: int) -> F64:
    """Return the mean payoff of (uniform, repeat) by modality over one episode of random actions.

    Payoffs are fair under every sequence of actions, so nothing needs to be planned.
    """
    model, prior, sums = agent.model, initial_prior(agent), np.zeros((len(agent.model.A), 2))
    choices, last = _choices(model), tuple[int, ...]()
    state = tuple(draw(d, uniform(SEED, episode, 0, 0, f)) for f, d in enumerate(model.D))
    for s in range(STEPS + 1):
        place = (episode, s + 1)
        obs = observe(model, state, SEED, place)
        if last:
            for m, p in enumerate(predicted(agent, prior, obs)):
                repeats = float(obs[m] == last[m])
                sums[m] += (min(1.0 / model.num_obs[m] / p, CAP), min(repeats / p, CAP))
        last = obs
        executed = [int(uniform(SEED, *place, 4, c) * n) for c, n in enumerate(choices)]
        prior = next_prior(agent, infer_states(agent, obs, prior), executed)
        drawn = tuple(uniform(SEED, *place, 2, f) for f in range(len(state)))
        state = next_state(model, state, executed, drawn)
    return np.asarray(sums / STEPS)


def _summary(values: F64) -> dict[str, float]:
    """Return mean, quantiles and extremes, in six significant digits."""
    ordered = np.sort(values.reshape(-1))
    last = len(ordered) - 1

    def at(share: float) -> float:
        return _rounded(float(ordered[round(share * last)]))

    mean = math.fsum(ordered.tolist()) / len(ordered)
    return {
        "mean": _rounded(mean),
        "min": at(0.0),
        "p50": at(0.5),
        "p99": at(0.99),
        "max": at(1.0),
    }


def _frequencies(actions: Any, size: int) -> list[float]:
    counts = np.bincount(actions.reshape(-1), minlength=size)
    return [_rounded(float(n) / actions.size) for n in counts.tolist()]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
