"""Action `probe`: what the reference agent believes and does over episodes, for the proof of compiled code.

    python3 make_probe.py --ir DIR --out DIR [--episodes 8] [--steps 32] [--seed 0] [--first N]

Teacher forced: a candidate keeps its own beliefs but is fed these observations and executed actions. Kinds of
episodes, in turn: a roll-out in the world that the model itself describes; one in which what is executed is not
what the reference chose but what was tried least (see coverage.py); a roll-out; one of uniformly random
observations, impossible ones too, and actions tried least. Observations of the second and fourth have a well
posed posterior (see conditioning.py; what was rejected is counted). Random numbers are functions of (seed,
episode, step, use) alone. The action of an episode's last step does not count as tried: nothing is compared after it.
With --first the episodes are those from number N on, and none knows what another has tried: they are independent, so a
share of them has a confidence bound, and parts of a large set can be made apart.
Stochastic agents draw their own numbers, from the seed DRAWS and a counter that runs on over the episodes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from agentc.ir import files as ir
from agentc.ir.types import F64, Model, ModelFault
from agentc.numerics.counter_rng import draw, uniform
from agentc.numerics.exact_math import total
from agentc.oracle.action_selection import first_actions, numbers, policy_regret, regret, select
from agentc.oracle.agent import (
    Beliefs,
    Reference,
    Verdict,
    free_energy,
    infer_policies,
    infer_states,
    initial_prior,
    next_prior,
    prepare,
)
from agentc.oracle.conditioning import steady
from agentc.oracle.contraction import joint
from agentc.oracle.policy_tree import every_control
from agentc.proof.coverage import Coverage, nothing_yet
from numpy.typing import NDArray

DRAWS = 0
"""What a stochastic agent's own random numbers begin with in a program that was not told otherwise."""
ATTEMPTS = 32
PATIENCE = 600.0
"""Seconds that an action of the build has by default."""
KINDS = ("rollout", "wander", "rollout", "random")
"""Kinds of the episodes, in turn."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step of the reference: what it saw, chose and believed, what was executed, and the regret.

    That is by joint first action, or by policy where plans are kept; then q_pi and regret are those of the latest planning.
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
    """ "rollout", "wander" or "random"."""
    return KINDS[episode % len(KINDS)]


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What a planning gave: the judgement, the chosen policy and its action, the regret (see Step)."""

    verdict: Verdict
    policy: int
    action: tuple[int, ...]
    regret: F64


def decide(agent: Reference, qs: Beliefs, count: int) -> Decision:
    """Judge the policies and choose; `count` plannings were before, in all episodes."""
    verdict, drawn = infer_policies(agent, qs), numbers(agent.model, DRAWS, count)
    action, policy = select(agent, verdict, drawn)
    lost = policy_regret if agent.model.keeps_plans else regret
    return Decision(verdict, policy, action, lost(agent, verdict, drawn))


def planned(model: Model, decision: Decision, ahead: int) -> tuple[int, ...]:
    """The action `ahead` steps after a planning: pymdp executes a policy's first action alone, a kept plan goes on with it."""
    return (
        tuple(int(a) for a in model.policies[decision.policy, ahead]) if ahead else decision.action
    )


def run_episode(
    agent: Reference, seed: int, episode: int, steps: int, coverage: Coverage | None = None
) -> list[Step]:
    """One episode from the prior D on; `coverage` is what the episodes before it have tried."""
    model, wandering = agent.model, kind_of(episode) != "rollout"
    tried = coverage or nothing_yet(model)
    prior = initial_prior(agent)
    state = tuple(draw(d, uniform(seed, episode, 0, 0, f)) for f, d in enumerate(model.D))
    found = []
    for s in range(steps):
        place = (episode, s + 1)
        obs, rejected = _seen(agent, prior, state, seed, place)
        qs = infer_states(agent, obs, prior)
        ahead = s % model.plan_every
        if ahead == 0:
            decision = decide(
                agent, qs, episode * -(-steps // model.plan_every) + s // model.plan_every
            )
        executed = action = planned(model, decision, ahead)
        if wandering:
            executed = tried.least_used(
                qs, [uniform(seed, *place, 4, c) for c in range(len(action))]
            )
        if s + 1 < steps:
            tried.note(qs, executed)
        found.append(
            Step(
                obs,
                rejected,
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
        state = moved(
            model, state, executed, tuple(uniform(seed, *place, 2, f) for f in range(len(state)))
        )
    return found


def _seen(
    agent: Reference, prior: Beliefs, state: Sequence[int], seed: int, place: tuple[int, int]
) -> tuple[tuple[int, ...], int]:
    """The observation of a step, and how many were rejected before it."""
    kind = kind_of(place[0])
    if kind == "random":
        return _surprise(agent, prior, seed, place)
    obs = observe(agent.model, state, seed, place)
    if kind == "rollout" or steady(agent, obs, prior):
        return obs, 0
    obs, rejected = _surprise(agent, prior, seed, place)
    return obs, rejected + 1


def observe(
    model: Model, state: Sequence[int], seed: int, place: tuple[int, int]
) -> tuple[int, ...]:
    """What is seen of a state of the model's own world at (episode, step)."""
    drawn = [uniform(seed, *place, 1, m) for m in range(len(model.num_obs))]
    return tuple(
        draw(_column(a, [state[f] for f in deps]), u)
        for a, deps, u in zip(model.A, model.A_dependencies, drawn, strict=True)
    )


def _surprise(
    agent: Reference, prior: Beliefs, seed: int, place: tuple[int, int]
) -> tuple[tuple[int, ...], int]:
    """The first steady one of some random observations, and how many were not; else the most expected one."""
    for attempt in range(ATTEMPTS):
        obs = tuple(
            int(uniform(seed, *place, 3, attempt, m) * n) for m, n in enumerate(agent.model.num_obs)
        )
        if steady(agent, obs, prior):
            return obs, attempt
    model = agent.model
    expected = [joint([prior[f][:, None] for f in deps])[:, 0] for deps in model.A_dependencies]
    return tuple(
        int(np.argmax(total(a.reshape(len(a), -1) * q, axis=1)))
        for a, q in zip(model.A, expected, strict=True)
    ), ATTEMPTS


def _column(array: F64, place: Sequence[int]) -> F64:
    """The probabilities along axis 0 at a place of the other axes."""
    return np.asarray(np.moveaxis(array, 0, -1)[tuple(place)])


def moved(
    model: Model, state: Sequence[int], action: Sequence[int], drawn: Sequence[float]
) -> tuple[int, ...]:
    """The state of the model's own world after an action; `drawn` in [0, 1) by factor."""
    chosen = every_control(model, np.array([list(action)], dtype=np.int32))[0]
    return tuple(
        draw(_column(b, [*(state[d] for d in deps), *(int(chosen[c]) for c in controls)]), u)
        for b, deps, controls, u in zip(
            model.B, model.B_dependencies, model.B_action_dependencies, drawn, strict=True
        )
    )


def check_time(
    agent: Reference, episodes: int, steps: int, clock: Callable[[], float] = time.monotonic
) -> None:
    """ModelFault when judging the policies in every step would outlast the action: one judgement is timed, a slow one thrice."""
    model, prior = agent.model, initial_prior(agent)
    plannings, took = episodes * -(-steps // model.plan_every), float("inf")
    for _ in range(3):
        begun = clock()
        infer_policies(agent, prior)
        took = min(took, clock() - begun)
        if took * plannings <= PATIENCE:
            return
    states, affordable = (
        " x ".join(map(str, model.num_states)),
        int(PATIENCE / 2 / took) * model.plan_every,
    )
    few = min(len(KINDS), affordable)
    shorter = (
        f", or a shorter proof: probe = {{ episodes = {few}, steps = {affordable // few} }}"
        if few
        else ""
    )
    raise ModelFault(
        [
            f"the proof would take about {took * plannings:.0f} s, more than the {PATIENCE:.0f} s "
            f"that an action has: it judges {model.num_policies} policies over {states} states "
            f"{plannings} times ({episodes} episodes of {steps} steps), each time in {took:.2g} s; "
            f"the way out: a policy_len below {model.policy_len}, fewer listed policies, "
            f"plan_every{shorter}"
        ]
    )


def probe(
    model: Model, out: Path, episodes: int, steps: int, seed: int, *, first: int | None = None
) -> None:
    """Run the reference agent and write the probe folder; from episode `first` on, each on its own, where it is given."""
    agent = prepare(model)
    check_time(agent, episodes, steps)
    coverage, runs = nothing_yet(model), []
    numbered = range(first or 0, (first or 0) + episodes)
    for n in numbered:
        tried = coverage if first is None else nothing_yet(model)
        runs.append(run_episode(agent, seed, n, steps, tried))
        if tried is not coverage:
            coverage.add(tried)
    used, transitions = coverage.transitions()
    out.mkdir(parents=True, exist_ok=True)
    arrays = _arrays(runs)
    if model.action_selection == "stochastic":
        arrays["q_pi.f64"] = np.array([[step.q_pi for step in run] for run in runs], dtype="<f8")
    if model.keeps_plans:
        arrays["plans.i32"] = model.policies[:, : model.plan_every].astype("<i4")
    for name, array in arrays.items():
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


def _arrays(runs: Sequence[Sequence[Step]]) -> dict[str, NDArray[Any]]:
    return {
        "obs.i32": np.array([[step.obs for step in run] for run in runs], dtype="<i4"),
        "action.i32": np.array([[step.action for step in run] for run in runs], dtype="<i4"),
        "executed.i32": np.array([[step.executed for step in run] for run in runs], dtype="<i4"),
        "qs.f64": np.array(
            [[np.concatenate(step.qs) for step in run] for run in runs], dtype="<f8"
        ),
        "regret.f64": np.array([[step.regret for step in run] for run in runs], dtype="<f8"),
        "vfe.f64": np.array([[step.vfe for step in run] for run in runs], dtype="<f8"),
        "efe.f64": np.array([[step.efe for step in run] for run in runs], dtype="<f8"),
    }
