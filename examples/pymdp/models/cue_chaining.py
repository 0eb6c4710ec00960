"""Cue chaining of pymdp 1.0.4 (pymdp.envs.CueChainingEnv), with 280 states.

Each cue shows the place of the next one.
"""

from __future__ import annotations

from typing import Any


def build(
    policy_len: int = 4, gamma: float = 16.0, cheese: float = 2.0, shock: float = -4.0
) -> dict[str, Any]:
    """The agent and the names of its axes; `cheese` and `shock` are preferences in nats."""
    import jax.numpy as jnp
    from pymdp.agent import Agent
    from pymdp.envs.cue_chaining import CueChainingEnv

    env = CueChainingEnv()
    C = [jnp.zeros(a.shape[0]) for a in env.A]
    C[3] = jnp.array([0.0, cheese, shock])
    agent = Agent(
        A=list(env.A),
        B=list(env.B),
        C=C,
        D=list(env.D),
        A_dependencies=env.A_dependencies,
        B_dependencies=env.B_dependencies,
        policy_len=policy_len,
        gamma=gamma,
        alpha=gamma,
    )
    places = [name.replace(" ", "") for name in env.location_obs_names]
    cues, rewards = list(env.cue2_names), list(env.reward_condition_names)
    hidden = ["location", "cue2_at", "reward_at"]
    return {
        "agent": agent,
        "observations": {
            "location": {"elements": places, "depends_on": ["location"]},
            "cue1": {"elements": list(env.cue1_obs_names), "depends_on": ["location", "cue2_at"]},
            "cue2": {"elements": list(env.cue2_obs_names), "depends_on": hidden},
            "outcome": {
                "elements": list(env.reward_obs_names),
                "depends_on": ["location", "reward_at"],
            },
        },
        "states": {
            "location": {"elements": places, "depends_on": ["location"], "controlled_by": ["move"]},
            "cue2_at": {"elements": cues, "depends_on": ["cue2_at"]},
            "reward_at": {"elements": rewards, "depends_on": ["reward_at"]},
        },
        "controls": {"move": {"elements": [name.lower() for name in env.ACTION_LABELS]}},
    }
