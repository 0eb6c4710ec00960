"""pymdp 1.0.4 itself as an oracle: a teacher-forced sequence in one jitted scan (eager is 500x
slower).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from agentc.ir.files import Model

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
QUICK: dict[str, str | bool] = {"xla_backend_optimization_level": "0"}
"""For few steps: without optimisation the compiler takes half the time, and a step twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """Beliefs of pymdp: qs (N, S, all states), q_pi and neg_efe (N, S, policies), vfe (N, S)."""

    qs: F64
    q_pi: F64
    neg_efe: F64
    vfe: F64


def _configure(x64: bool) -> None:
    import jax

    jax.config.update("jax_enable_x64", x64)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def precision(x64: bool) -> Iterator[None]:
    """jax with float64 (or float32) inside the block; the setting of before afterwards."""
    import jax

    before = bool(
        getattr(jax.config, "jax_enable_x64")
    )  # which some of its versions declare, and others do not
    _configure(x64)
    try:
        yield
    finally:
        _configure(before)


def pymdp_agent(model: Model, *others: Model) -> Any:
    """The pymdp Agent of a model; with `others`, of the same structure, a batch of all of them."""
    import jax.numpy as jnp
    from pymdp.agent import Agent

    models = (model, *others)
    joined = model.B_action_dependencies != tuple((f,) for f in range(len(model.num_states)))
    assert not joined or model.policies_kind == "full"

    def stacked(letter: str) -> Any:
        return [
            jnp.array(np.stack(each))
            for each in zip(*(getattr(m, letter) for m in models), strict=True)
        ]

    wide = np.zeros((model.num_policies, model.policy_len, len(model.num_controls)), np.int32)
    wide[:, :, list(model.control_factors)] = model.policies
    values = (
        {"policies": jnp.array(wide)}
        if not joined
        else {
            "B_action_dependencies": [list(row) for row in model.B_action_dependencies],
            "num_controls": list(model.num_controls),
        }
    )
    return Agent(
        A=stacked("A"),
        B=stacked("B"),
        C=stacked("C"),
        D=stacked("D"),
        E=None if model.E is None else jnp.array(np.stack([np.asarray(m.E) for m in models])),
        I=stacked("I") or None,
        A_dependencies=[list(row) for row in model.A_dependencies],
        B_dependencies=[list(row) for row in model.B_dependencies],
        policy_len=model.policy_len,
        gamma=jnp.array([m.gamma for m in models]),
        alpha=jnp.array([m.alpha for m in models]),
        num_iter=model.num_iter,
        inference_algo=model.inference_algo,
        sampling_mode=model.sampling_mode,
        action_selection=model.action_selection,
        use_utility=model.use_utility,
        use_states_info_gain=model.use_states_info_gain,
        use_inductive=model.use_inductive,
        inductive_epsilon=jnp.array([m.inductive_epsilon for m in models]),
        batch_size=len(models),
        **values,
    )


def replay_each(models: Sequence[Model], obs: I32, actions: I32) -> Replay:
    """Feed models of one structure an episode each: obs (N, S, modalities), actions (N, S, control
    factors).
    """
    import jax
    import jax.numpy as jnp

    with precision(True):
        agent = pymdp_agent(*models)
        wide = np.zeros((*actions.shape[:2], len(models[0].num_controls)), np.int32)
        wide[:, :, list(models[0].control_factors)] = actions

        def step(prior: Any, values: Any) -> Any:
            seen, action = values
            qs, info = agent.infer_states(list(seen.T), prior, return_info=True)
            q_pi, neg_efe = agent.infer_policies(qs)
            after = agent.update_empirical_prior(agent.encode_multi_actions(action), qs)
            return after, (
                jnp.concatenate([q[:, -1] for q in qs], axis=1),
                q_pi,
                neg_efe,
                info["vfe"],
            )

        run = jax.jit(lambda o, a: jax.lax.scan(step, list(agent.D), (o, a))[1])
        values = jnp.array(obs.transpose(1, 0, 2)), jnp.array(wide.transpose(1, 0, 2))
        array = run.lower(*values).compile(compiler_options=QUICK)(*values)
        return Replay(*(np.asarray(value, dtype=np.float64).swapaxes(0, 1) for value in array))


def replay(model: Model, obs: I32, actions: I32, x64: bool = True) -> Replay:
    """Feed obs (N, S, modalities) and executed actions (N, S, control factors) to pymdp."""
    import jax
    import jax.numpy as jnp

    with precision(x64):
        agent = pymdp_agent(model)
        wide = np.zeros((*actions.shape[:2], len(model.num_controls)), np.int32)
        wide[:, :, list(model.control_factors)] = actions

        def step(prior: Any, values: Any) -> Any:
            seen, action = values
            qs, info = agent.infer_states([o[None] for o in seen], prior, return_info=True)
            q_pi, neg_efe = agent.infer_policies(qs)
            after = agent.update_empirical_prior(action[None], qs)
            return after, (
                jnp.concatenate([q[0, -1] for q in qs]),
                q_pi[0],
                neg_efe[0],
                info["vfe"][0],
            )

        def episode(seen: Any, action: Any) -> Any:
            return jax.lax.scan(step, list(agent.D), (seen, action))[1]

        array = jax.jit(jax.vmap(episode))(jnp.array(obs), jnp.array(wide))
        return Replay(*(np.asarray(value, dtype=np.float64) for value in array))


def canonical_actions(model: Model, q_pi: F64, tie: float = 1e-4) -> I32:
    """Actions from policy posteriors (.., policies): the lowest index within `tie` nats of the
    best.
    """
    with np.errstate(divide="ignore"):
        logits = np.log(q_pi)
    chosen = np.argmax(logits >= logits.max(axis=-1, keepdims=True) - tie, axis=-1)
    return np.asarray(model.policies[chosen, 0], dtype=np.int32)


def divergence(p: F64, q: F64) -> F64:
    """KL(p || q) in nats along the last axis, of one factor; q below float32's range counts as its
    end.
    """
    floor = float(np.finfo(np.float32).tiny)
    terms = p * (np.log(np.maximum(p, floor)) - np.log(np.maximum(q, floor)))
    return np.asarray(terms.sum(axis=-1))
