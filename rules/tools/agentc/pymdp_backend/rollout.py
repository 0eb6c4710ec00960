"""pymdp 1.0.4's own `rollout` in float64: the reference of agents that oracle/agent.py lacks.

Each call of `rollout` makes one step (a scan over one time), so that observations and executed
actions can be supplied. It shares no code with step.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox
import jax.numpy as jnp
import jax.random
import numpy as np
from agentc.ir.types import F64, I32, Model
from agentc.pymdp_backend import agent as pymdp_agent
from pymdp.envs.env import Env
from pymdp.envs.rollout import rollout
from pymdp.inference import SEQUENCE_METHODS


class NullEnvironment(Env):  # type: ignore[misc]
    """An environment for `rollout` whose observations are ignored."""

    def __init__(self, modalities: int) -> None:
        self.modalities = modalities

    def reset(
        self, key: Any, state: Any = None, env_params: Any = None
    ) -> tuple[list[Any], list[Any]]:
        """Return no observation."""
        return [jnp.zeros(1, dtype=jnp.int32) for _ in range(self.modalities)], []

    def step(
        self, key: Any, state: Any, action: Any, env_params: Any = None
    ) -> tuple[list[Any], list[Any]]:
        """Return no observation."""
        return self.reset(key)


class Rollout:
    """An episode of pymdp: call `see` with an observation, then `executed` with the action."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.agent = pymdp_agent.build(model)
        self._env = NullEnvironment(len(model.num_obs))
        # The integers that pymdp's sample_action returns.
        self._integer = jnp.int64 if model.sampling_mode == "marginal" else jnp.int32
        self._once = equinox.filter_jit(self._step)
        self.begin()

    def begin(self) -> None:
        """Begin an episode with the agent as built."""
        self._carry: dict[str, Any] | None = None
        self._last: Any = None

    def _step(self, carry: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        result: tuple[dict[str, Any], dict[str, Any]] = rollout(
            carry["agent"], self._env, 0, jax.random.PRNGKey(0), initial_carry=carry
        )
        return result

    def see(self, obs: Sequence[int]) -> tuple[F64, F64]:
        """Return beliefs over all states and q_pi after an observation of each modality."""
        observation = [jnp.full((1, 1), o, dtype=jnp.int32) for o in obs]
        self._carry = (
            self._first(observation) if self._carry is None else self._with_supplied(observation)
        )
        self._carry, info = self._once(self._carry)
        beliefs = np.concatenate([np.asarray(q)[0, 0] for q in info["qs"]])
        return beliefs.astype(np.float64), np.asarray(info["qpi"])[0, 0].astype(np.float64)

    def executed(self, action: I32) -> None:
        """Record the executed action by factor (factors,)."""
        self._last = jnp.asarray(action, dtype=self._integer)[None]

    def _first(self, obs: list[Any]) -> dict[str, Any]:
        """Return the initial carry of `rollout`."""
        window = self.model.inference_horizon or 1 if pymdp_agent.uses_window(self.model) else 1
        nothing = -jnp.ones((1, len(self.agent.num_controls)), dtype=self._integer)
        carry = {
            "agent": self.agent,
            "action": nothing,
            "observation": obs,
            "env_state": [],
            "qs": [jnp.repeat(d[:, None], window, axis=1) for d in self.agent.D],
            "rng_key": jax.random.PRNGKey(0),
        }
        if pymdp_agent.uses_window(self.model):
            empty = jnp.full((1, window), -1, dtype=jnp.int32)
            carry |= {
                "observation_hist": [empty.at[:, -1].set(o[:, 0]) for o in obs],
                "action_hist": jnp.repeat(nothing[:, None], window - 1, axis=1),
                "valid_steps": jnp.array(1, dtype=jnp.int32),
            }
        if self.model.inference_algo in SEQUENCE_METHODS:
            carry["empirical_prior"] = self.agent.D
        return carry

    def _with_supplied(self, obs: list[Any]) -> dict[str, Any]:
        """Return the carry of `rollout` with the supplied observation and executed action."""
        assert self._carry is not None and self._last is not None
        carry = self._carry | {"observation": obs, "action": self._last}
        if "observation_hist" in carry:
            carry["observation_hist"] = [
                old.at[:, -1].set(new[:, 0])
                for old, new in zip(carry["observation_hist"], obs, strict=True)
            ]
            if carry["action_hist"].shape[1]:
                carry["action_hist"] = carry["action_hist"].at[:, -1].set(self._last)
        return carry
