"""Probe sets for the python backend from a float64 reference.

If oracle/agent.py supports the model, its episodes are those of make_probe.py. Otherwise pymdp's
own rollout is the reference, and episodes are in turn roll-outs and episodes with least used
actions. Random observations are left out there: with several factors their posterior can depend on
rounding (conditioning.py), which needs the reference's own fixed point to detect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from agentc.ir.types import F64, I32, Model
from agentc.numerics.counter_rng import draw, uniform
from agentc.numerics.exact_math import log
from agentc.oracle import agent as reference
from agentc.oracle.action_selection import TIE, control_actions, first_actions
from agentc.proof import probe
from agentc.proof.coverage import Coverage, empty_coverage
from agentc.proof.replay import Probe
from agentc.pymdp_backend import agent as pymdp_agent
from agentc.pymdp_backend.rollout import Rollout

OURS = "float64, independent of pymdp (oracle/agent.py)"
THEIRS = "pymdp 1.0.4's own rollout in float64"


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceRun:
    """A probe, q_pi (episodes, steps, policies), and executed actions in pymdp's columns (..,
    factors).
    """

    probe: Probe
    q_pi: F64
    executed: I32
    reference: str


def run_reference(model: Model, episodes: int, steps: int, seed: int) -> ReferenceRun:
    """Run the reference over the episodes."""
    pymdp_agent.set_precision(True)
    agent = pymdp_agent.build(model)
    covered = not reference.unsupported(model)
    runs = _ours(model, episodes, steps, seed) if covered else _theirs(model, episodes, steps, seed)
    obs, action, done, qs, q_pi = (
        np.array([[row[at] for row in run] for run in runs], dtype=dtype)
        for at, dtype in enumerate(("<i4", "<i4", "<i4", "<f8", "<f8"))
    )
    lost = _policy_regret if model.keeps_plans else _regret
    regret = np.array([[lost(model, one) for one in run] for run in q_pi])
    kinds = [_kind(number, covered) for number in range(episodes)]
    facts = {"episodes": episodes, "steps": steps, "seed": seed, "kinds": kinds}
    plans = model.policies[:, : model.plan_every] if model.keeps_plans else None
    if plans is not None:
        facts["plan_every"] = model.plan_every
    wide = pymdp_agent.multi_action(agent, model, done.reshape(episodes * steps, -1)).reshape(
        episodes, steps, -1
    )
    return ReferenceRun(
        Probe(obs, action, done, qs, regret, facts, plans=plans),
        q_pi,
        wide,
        OURS if covered else THEIRS,
    )


Row = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], F64, F64]
"""Observation, action, executed action, beliefs, q_pi."""


def _kind(episode: int, covered: bool) -> str:
    return probe.kind_of(episode) if covered else ("rollout", "wander")[episode % 2]


def _ours(model: Model, episodes: int, steps: int, seed: int) -> list[list[Row]]:
    agent, coverage = reference.prepare(model), empty_coverage(model)
    probe.check_time(agent, episodes, steps)
    runs = [probe.run_episode(agent, seed, number, steps, coverage) for number in range(episodes)]
    return [
        [(one.obs, one.action, one.executed, np.concatenate(one.qs), one.q_pi) for one in run]
        for run in runs
    ]


def _theirs(model: Model, episodes: int, steps: int, seed: int) -> list[list[Row]]:
    theirs, coverage = Rollout(model), empty_coverage(model)
    return [_episode(theirs, coverage, seed, number, steps) for number in range(episodes)]


def _episode(theirs: Rollout, coverage: Coverage, seed: int, episode: int, steps: int) -> list[Row]:
    """Run one episode of pymdp in the environment that the model describes before learning."""
    model = theirs.model
    theirs.begin()
    state = tuple(draw(d, uniform(seed, episode, 0, 0, f)) for f, d in enumerate(model.D))
    rows: list[Row] = []
    for step in range(1, steps + 1):
        obs = probe.observe(model, state, seed, (episode, step))
        beliefs, judged = theirs.see(obs)
        ahead = (step - 1) % model.plan_every
        if ahead == 0:
            q_pi = judged
        action = done = planned_actions(model, q_pi, ahead)
        split = np.split(beliefs, np.cumsum(model.num_states)[:-1])
        if _kind(episode, covered=False) == "wander":
            done = coverage.least_used(
                split, [uniform(seed, episode, step, 4, c) for c in range(len(action))]
            )
        if step < steps:
            coverage.note(split, done)
        theirs.executed(
            pymdp_agent.multi_action(theirs.agent, model, np.array([done], np.int32))[0]
        )
        rows.append((obs, action, done, beliefs, q_pi))
        state = probe.next_state(
            model, state, done, [uniform(seed, episode, step, 2, f) for f in range(len(state))]
        )
    return rows


def planned_actions(model: Model, q_pi: F64, ahead: int) -> tuple[int, ...]:
    """Return actions by the tie rule, by control factor, `ahead` steps after the evaluation of
    q_pi.
    """
    if model.sampling_mode == "full":
        return tuple(int(a) for a in model.policies[_lowest(log(q_pi)), ahead])
    return control_actions(model, [_lowest(log(marginal)) for marginal in _marginals(model, q_pi)])


def _lowest(logits: F64) -> int:
    return int(np.flatnonzero(logits >= logits.max() - TIE)[0])


def _marginals(model: Model, q_pi: F64) -> list[F64]:
    firsts = [model.flat(model.policies[:, 0], group) for group in model.groups]
    return [
        np.array([float(q_pi[first == u].sum()) for u in range(model.choices(group))])
        for first, group in zip(firsts, model.groups, strict=True)
    ]


def _policy_regret(model: Model, q_pi: F64) -> F64:
    """Return the regret of each policy in nats."""
    logits = log(q_pi)
    return np.asarray(logits.max() - logits)


def _regret(model: Model, q_pi: F64) -> F64:
    """Return the regret of each joint first action in nats, row-major."""
    choices = first_actions(model)
    if model.sampling_mode == "marginal":
        lost = np.zeros(len(choices))
        for group, marginal in zip(model.groups, _marginals(model, q_pi), strict=True):
            logs = log(marginal)
            lost = lost + (logs.max() - logs)[model.flat(choices, group)]
        return lost
    logits, first = log(q_pi), model.policies[:, 0]
    best = [
        np.max(logits, where=np.all(first == choice, axis=1), initial=-np.inf) for choice in choices
    ]
    return np.asarray(logits.max() - np.array(best), dtype=np.float64)
