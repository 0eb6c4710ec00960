"""The step of the python backend: all of pymdp 1.0.4 for one observation in one jitted function.

Used as in its quickstart, pymdp traces each part again at every step (500 times slower). The Carry
between steps has the agent (its matrices may be learned), beliefs, and the executed action.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox
import jax
import jax.numpy as jnp
from agentc.ir.types import Model
from agentc.pymdp_backend import agent as pymdp_agent
from pymdp import control
from pymdp.inference import SEQUENCE_METHODS

TIE = 1e-4
"""Nats: the tie rule of every backend (oracle/agent.py)."""


class Carry(NamedTuple):
    """State between two steps; leading axes are the batch of one and the window (length 1 without
    one).
    """

    agent: Any
    qs: list[Any]  # by factor (1, window, states)
    seen: list[Any]  # by modality (1, window); -1 where nothing was seen yet
    executed: Any  # (1, window - 1, factors): actions within the window; -1 before the first
    last: Any  # (1, factors): the action executed after the latest observation; -1 before the first
    prior: list[Any]  # by factor (1, states): what a window begins with
    filled: Any  # how many places of the window are filled
    q_pi: Any  # (1, policies) of the latest planning
    ahead: Any  # how many steps ago that was at the next step; 0 where it plans


class Choice(NamedTuple):
    """Result of a step: beliefs (all states), q_pi (policies), and the selected policy."""

    qs: Any
    q_pi: Any
    policy: Any
    action: Any  # (factors,): first actions; with marginal sampling each factor's own


def start(model: Model) -> Carry:
    """Return the carry of a new agent."""
    agent = pymdp_agent.build(model)
    window = model.inference_horizon or 1 if pymdp_agent.uses_window(model) else 1
    nothing = -jnp.ones((1, len(agent.num_controls)), dtype=jnp.int32)
    return Carry(
        agent,
        [jnp.repeat(d[:, None], window, axis=1) for d in agent.D],
        [-jnp.ones((1, window), dtype=jnp.int32) for _ in model.num_obs],
        jnp.repeat(nothing[:, None], window - 1, axis=1),
        nothing,
        agent.D,
        jnp.array(0, dtype=jnp.int32),
        jnp.zeros((1, model.num_policies)),
        jnp.array(0, dtype=jnp.int32),
    )


def stepper(model: Model) -> Callable[[Carry, Sequence[Any]], tuple[Carry, Choice]]:
    """Return the jitted step: (carry, observations as numpy integers) -> (carry, choice).

    Call `executed(carry, action)` before the next step.
    """
    sequential = model.inference_algo in SEQUENCE_METHODS
    windowed = pymdp_agent.uses_window(model)

    def step(carry: Carry, obs: Sequence[Any]) -> tuple[Carry, Choice]:
        seen = [
            _append(old, jnp.asarray(o, dtype=jnp.int32).reshape(1))
            for old, o in zip(carry.seen, obs, strict=True)
        ]
        carry = carry._replace(
            seen=seen,
            executed=_append(carry.executed, carry.last),
            filled=jnp.minimum(carry.filled + 1, seen[0].shape[1]),
        )
        agent = carry.agent
        if sequential:
            qs = agent.infer_states(
                seen, carry.prior, past_actions=carry.executed, valid_steps=carry.filled
            )
            kept = qs
        else:
            begun = jnp.any(carry.last < 0)
            prior = jax.lax.cond(
                begun, lambda: agent.D, lambda: agent.update_empirical_prior(carry.last, carry.qs)
            )
            qs = agent.infer_states([o[:, -1:] for o in seen], prior)
            kept = _window(carry.qs, qs) if windowed else [new[:, -1:] for new in qs]
        q_pi = _policies(carry, qs, model.keeps_plans)
        learned = _learned(carry, qs, kept, windowed)
        choice = _choose(agent, [q[0, -1] for q in qs], q_pi[0], carry.ahead)
        return carry._replace(
            agent=learned,
            qs=kept,
            prior=_window_prior(carry, learned, kept) if sequential else carry.prior,
            q_pi=q_pi,
            ahead=(carry.ahead + 1) % model.plan_every,
        ), choice

    return equinox.filter_jit(step)


def executed(carry: Carry, action: Any) -> Carry:
    """Return the carry with the executed action (factors,)."""
    return carry._replace(last=jnp.asarray(action, dtype=jnp.int32)[None])


def _policies(carry: Carry, qs: Any, keeps_plans: bool) -> Any:
    """Return q_pi: of this step, or of the latest evaluation while a plan is followed."""
    if not keeps_plans:
        return carry.agent.infer_policies(qs)[0]
    return jax.lax.cond(
        carry.ahead == 0, lambda: carry.agent.infer_policies(qs)[0], lambda: carry.q_pi
    )


def _window(old: Any, latest: Any) -> list[Any]:
    """Return the windows of beliefs by factor, shifted by one."""
    return [_append(before, new[:, -1]) for before, new in zip(old, latest, strict=True)]


def _append(window: Any, latest: Any) -> Any:
    """Shift the window by one; `latest` lacks the window axis, whose length may be 0."""
    return jnp.concatenate([window, latest[:, None]], axis=1)[:, 1:] if window.shape[1] else window


def _learned(carry: Carry, qs: list[Any], kept: list[Any], windowed: bool) -> Any:
    """Return the agent with updated Dirichlet counts and matrices."""
    agent = carry.agent
    if not (agent.learn_A or agent.learn_B):
        return agent
    if windowed:
        return agent.infer_parameters(
            kept, carry.seen, carry.executed, beliefs_B=kept if agent.learn_B else None
        )
    pair = [
        jnp.concatenate([old, new[:, -1:]], axis=1) for old, new in zip(carry.qs, qs, strict=True)
    ]
    return agent.infer_parameters(
        qs,
        [o[:, -1:] for o in carry.seen],
        carry.last[:, None],
        beliefs_B=pair if agent.learn_B else None,
    )


def _window_prior(carry: Carry, agent: Any, qs: list[Any]) -> list[Any]:
    """Return the prior of a full window at the next step: its first belief after its first
    action.
    """
    window = carry.seen[0].shape[1]
    if window < 2:
        return carry.prior
    first = [q[0, 0] for q in qs]
    moved = control.compute_expected_state(
        first, [b[0] for b in agent.B], carry.executed[0, 0], agent.B_dependencies
    )
    full = carry.filled == window
    return [jnp.where(full, new[None], old) for new, old in zip(moved, carry.prior, strict=True)]


def _choose(agent: Any, qs: list[Any], q_pi: Any, ahead: Any) -> Choice:
    """Return the lowest index within TIE nats of the best policy, or of each factor's marginal.

    `ahead` is the number of steps since the evaluation of q_pi, and the position in the policy.
    """
    policies = agent.policies.policy_arr
    logits = jnp.log(q_pi)
    policy = _lowest(logits)
    action = policies[policy, ahead]
    if agent.sampling_mode == "marginal":
        marginals = control.get_marginals(q_pi, policies, agent.num_controls)
        action = jnp.array([_lowest(jnp.log(marginal)) for marginal in marginals])
        fitting = jnp.all(policies[:, 0] == action, axis=1)
        policy = _lowest(jnp.where(fitting | ~jnp.any(fitting), logits, -jnp.inf))
    return Choice(jnp.concatenate(qs), q_pi, policy, action)


def _lowest(logits: Any) -> Any:
    return jnp.argmax(logits >= jnp.max(logits) - TIE)
