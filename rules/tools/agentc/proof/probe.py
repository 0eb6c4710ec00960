"""Probe sets: beliefs and actions of the reference agent over episodes.

A probe is teacher-forced: a candidate keeps its own beliefs but gets the probe's observations and
executed actions. Kinds of episodes, in turn: a roll-out in the model's own environment; a roll-out
that executes the least used actions (coverage.py); a roll-out; random observations, also impossible
ones, with least used actions. Observations of the second and fourth kind have a well-conditioned
posterior (conditioning.py); rejected ones are counted. Random numbers are functions of (seed,
episode, step, use). The action of an episode's last step does not count as used, because no later
belief is compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from agentc.ir import files as ir
from agentc.ir.types import F64, Model, ModelError
from agentc.numerics.counter_rng import draw, uniform
from agentc.numerics.exact_math import total, x_log_x
from agentc.oracle.action_selection import (
    first_actions,
    policy_regret,
    regret,
    select,
    selection_numbers,
)
from agentc.oracle.agent import (
    Beliefs,
    PolicyEvaluation,
    ReferenceAgent,
    free_energy,
    infer_policies,
    infer_states,
    initial_prior,
    next_prior,
    prepare,
)
from agentc.oracle.conditioning import well_conditioned_posterior
from agentc.oracle.contraction import joint
from agentc.oracle.policy_tree import every_control
from agentc.proof.coverage import Coverage, empty_coverage
from numpy.typing import NDArray

DRAWS = 0
"""Default seed of a stochastic agent's random numbers in a program."""
ATTEMPTS = 32
ACTION_TIMEOUT = 600.0
"""Default timeout of an action in seconds."""
KINDS = ("rollout", "wander", "rollout", "random")
"""Kinds of episodes, in turn."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceStep:
    """One step of the reference: observation, beliefs, action, executed action and regret.

    Regret is by joint first action, or by policy if plans are kept; then q_pi and regret are those
    of the latest evaluation.
    """

    obs: tuple[int, ...]
    rejected: int
    action: tuple[int, ...]
    executed: tuple[int, ...]
    qs: Beliefs
    q_pi: F64
    regret: F64
    vfe: float
    efe: float


def kind_of(episode: int) -> str:
    """Return "rollout", "wander" or "random"."""
    return KINDS[episode % len(KINDS)]


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Result of an evaluation: verdict, selected policy and action, and regret (see Step)."""

    verdict: PolicyEvaluation
    policy: int
    action: tuple[int, ...]
    regret: F64


def decide(agent: ReferenceAgent, qs: Beliefs, count: int) -> Decision:
    """Evaluate the policies and select one; `count` is the number of earlier evaluations."""
    verdict, drawn = infer_policies(agent, qs), selection_numbers(agent.model, DRAWS, count)
    action, policy = select(agent, verdict, drawn)
    lost = policy_regret if agent.model.keeps_plans else regret
    return Decision(verdict, policy, action, lost(agent, verdict, drawn))


def planned_action(model: Model, decision: Decision, ahead: int) -> tuple[int, ...]:
    """Return the action `ahead` steps after an evaluation: the policy's first action or a later
    one.
    """
    return (
        tuple(int(a) for a in model.policies[decision.policy, ahead]) if ahead else decision.action
    )


def run_episode(
    agent: ReferenceAgent, seed: int, episode: int, steps: int, coverage: Coverage | None = None
) -> list[ReferenceStep]:
    """Run one episode from the prior D; `coverage` has the actions of earlier episodes."""
    model, wandering = agent.model, kind_of(episode) != "rollout"
    tried = coverage or empty_coverage(model)
    prior = initial_prior(agent)
    state = tuple(draw(d, uniform(seed, episode, 0, 0, f)) for f, d in enumerate(model.D))
    episode_steps = []
    for s in range(steps):
        place = (episode, s + 1)
        seen = _observation(agent, prior, state, seed, place)
        obs, qs = seen.obs, seen.qs
        ahead = s % model.plan_every
        if ahead == 0:
            decision = decide(
                agent, qs, episode * -(-steps // model.plan_every) + s // model.plan_every
            )
        executed = action = planned_action(model, decision, ahead)
        if wandering:
            executed = tried.least_used(
                qs, [uniform(seed, *place, 4, c) for c in range(len(action))]
            )
        if s + 1 < steps:
            tried.note(qs, executed)
        episode_steps.append(
            ReferenceStep(
                obs,
                seen.rejected,
                action,
                executed,
                qs,
                decision.verdict.q_pi,
                regret=decision.regret,
                vfe=free_energy(agent, obs, prior, qs),
                efe=float(decision.verdict.neg_efe[decision.policy]),
            )
        )
        prior = next_prior(agent, qs, executed)
        state = next_state(
            model, state, executed, tuple(uniform(seed, *place, 2, f) for f in range(len(state)))
        )
    return episode_steps


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """An observation, the number of rejected ones before it, and the posterior after it."""

    obs: tuple[int, ...]
    rejected: int
    qs: Beliefs


def _observation(
    agent: ReferenceAgent, prior: Beliefs, state: Sequence[int], seed: int, place: tuple[int, int]
) -> Observed:
    """Return the observation of a step."""
    kind = kind_of(place[0])
    if kind == "random":
        return _random_observation(agent, prior, seed, place)
    obs = observe(agent.model, state, seed, place)
    if kind == "rollout":
        return Observed(obs, 0, infer_states(agent, obs, prior))
    qs = well_conditioned_posterior(agent, obs, prior)
    if qs is not None:
        return Observed(obs, 0, qs)
    other = _random_observation(agent, prior, seed, place)
    return replace(other, rejected=other.rejected + 1)


def observe(
    model: Model, state: Sequence[int], seed: int, place: tuple[int, int]
) -> tuple[int, ...]:
    """Sample an observation of a state of the model's environment at (episode, step)."""
    drawn = [uniform(seed, *place, 1, m) for m in range(len(model.num_obs))]
    return tuple(
        draw(_column(a, [state[f] for f in deps]), u)
        for a, deps, u in zip(model.A, model.A_dependencies, drawn, strict=True)
    )


def _random_observation(
    agent: ReferenceAgent, prior: Beliefs, seed: int, place: tuple[int, int]
) -> Observed:
    """Return the first well-conditioned random observation.

    After ATTEMPTS it returns the most expected observation.
    """
    for attempt in range(ATTEMPTS):
        obs = tuple(
            int(uniform(seed, *place, 3, attempt, m) * n) for m, n in enumerate(agent.model.num_obs)
        )
        qs = well_conditioned_posterior(agent, obs, prior)
        if qs is not None:
            return Observed(obs, attempt, qs)
    model = agent.model
    expected = [joint([prior[f][:, None] for f in deps])[:, 0] for deps in model.A_dependencies]
    obs = tuple(
        int(np.argmax(total(a.reshape(len(a), -1) * q, axis=1)))
        for a, q in zip(model.A, expected, strict=True)
    )
    return Observed(obs, ATTEMPTS, infer_states(agent, obs, prior))


def _column(array: F64, place: Sequence[int]) -> F64:
    """Return the probabilities along axis 0 at an index of the other axes."""
    return np.asarray(np.moveaxis(array, 0, -1)[tuple(place)])


def next_state(
    model: Model, state: Sequence[int], action: Sequence[int], drawn: Sequence[float]
) -> tuple[int, ...]:
    """Sample the next state of the model's environment; `drawn` in [0, 1) by factor."""
    chosen = every_control(model, np.array([list(action)], dtype=np.int32))[0]
    return tuple(
        draw(_column(b, [*(state[d] for d in deps), *(int(chosen[c]) for c in controls)]), u)
        for b, deps, controls, u in zip(
            model.B, model.B_dependencies, model.B_action_dependencies, drawn, strict=True
        )
    )


def check_time(
    agent: ReferenceAgent, episodes: int, steps: int, clock: Callable[[], float] = time.monotonic
) -> None:
    """Raise a ModelError if evaluating the policies would exceed the timeout.

    One evaluation is timed, a slow one three times.
    """
    model, prior = agent.model, initial_prior(agent)
    plannings, took = episodes * -(-steps // model.plan_every), float("inf")
    for _ in range(3):
        begun = clock()
        infer_policies(agent, prior)
        took = min(took, clock() - begun)
        if took * plannings <= ACTION_TIMEOUT:
            return
    states, affordable = (
        " x ".join(map(str, model.num_states)),
        int(ACTION_TIMEOUT / 2 / took) * model.plan_every,
    )
    few = min(len(KINDS), affordable)
    shorter = (
        f", or a shorter proof: probe = {{ episodes = {few}, steps = {affordable // few} }}"
        if few
        else ""
    )
    raise ModelError(
        [
            f"the proof would take about {took * plannings:.0f} s, more than the "
            f"{ACTION_TIMEOUT:.0f} s "
            f"that an action has: it judges {model.num_policies} policies over {states} states "
            f"{plannings} times ({episodes} episodes of {steps} steps), each time in {took:.2g} s; "
            f"reduce it: a policy_len below {model.policy_len}, fewer listed policies, "
            f"plan_every{shorter}"
        ]
    )


def write_probe(
    model: Model, out: Path, episodes: int, steps: int, seed: int, *, first: int | None = None
) -> None:
    """Run the reference agent and write the probe folder; `first` makes episodes independent."""
    agent = prepare(model)
    check_time(agent, episodes, steps)
    coverage, runs = empty_coverage(model), []
    numbered = range(first or 0, (first or 0) + episodes)
    for n in numbered:
        tried = coverage if first is None else empty_coverage(model)
        runs.append(run_episode(agent, seed, n, steps, tried))
        if tried is not coverage:
            coverage.add(tried)
    used, transitions = coverage.transitions()
    out.mkdir(parents=True, exist_ok=True)
    for name, array in _arrays(model, runs).items():
        (out / name).write_bytes(array.tobytes())
    (out / "probe.json").write_bytes(
        ir.canonical_json(
            {
                "schema": 1,
                "episodes": episodes,
                "steps": steps,
                "seed": seed,
                "modalities": len(model.num_obs),
                "factors": len(model.num_states),
                "controls": len(model.control_factors),
                "rejected": sum(step.rejected for run in runs for step in run),
                "executed": [times.tolist() for times in coverage.times],
                "draws": model.action_selection == "stochastic",
                "transitions": transitions,
                "transitions_used": used,
                **({"plan_every": model.plan_every} if model.keeps_plans else {}),
                "first_actions": len(first_actions(model)),
                "kinds": [kind_of(n) for n in numbered],
            }
        )
    )


def _arrays(model: Model, runs: Sequence[Sequence[ReferenceStep]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of the probe folder by file name."""
    arrays: dict[str, NDArray[Any]] = {
        "obs.i32": np.array([[step.obs for step in run] for run in runs], dtype="<i4"),
        "action.i32": np.array([[step.action for step in run] for run in runs], dtype="<i4"),
        "executed.i32": np.array([[step.executed for step in run] for run in runs], dtype="<i4"),
        "qs.f64": np.array(
            [[np.concatenate(step.qs) for step in run] for run in runs], dtype="<f8"
        ),
        "regret.f64": np.array([[step.regret for step in run] for run in runs], dtype="<f8"),
        "vfe.f64": np.array([[step.vfe for step in run] for run in runs], dtype="<f8"),
        "efe.f64": np.array([[step.efe for step in run] for run in runs], dtype="<f8"),
        "entropy.f64": np.array(
            [[float(total(0.0 - x_log_x(step.q_pi))) for step in run] for run in runs], dtype="<f8"
        ),
    }
    if model.action_selection == "stochastic":
        arrays["q_pi.f64"] = np.array([[step.q_pi for step in run] for run in runs], dtype="<f8")
    if model.keeps_plans:
        arrays["plans.i32"] = model.policies[:, : model.plan_every].astype("<i4")
    return arrays
