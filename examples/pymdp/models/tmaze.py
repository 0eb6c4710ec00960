"""T-maze of pymdp 1.0.4 (pymdp.envs.TMaze), with 5 x 2 states and 25 policies."""

from __future__ import annotations

from typing import Any

LOCATIONS = ["centre", "left", "right", "cue", "middle"]
CONDITIONS = ["reward_left", "reward_right"]


def build(policy_len: int = 2, gamma: float = 16.0, reward: float = 3.0) -> dict[str, Any]:
    """The agent and the names of its axes; `reward` in nats, a punishment costs as much."""
    import jax.numpy as jnp
    from pymdp.agent import Agent
    from pymdp.envs import TMaze

    env = TMaze(reward_probability=0.98, punishment_probability=0.98, cue_validity=0.95)
    C = [jnp.zeros(a.shape[0]) for a in env.A]
    C[1] = jnp.array([0.0, reward, -reward])
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
    both = ["location", "condition"]
    return {
        "agent": agent,
        "observations": {
            "location": {"elements": LOCATIONS, "depends_on": ["location"]},
            "outcome": {"elements": ["none", "reward", "punishment"], "depends_on": both},
            "cue": {"elements": ["none", "left", "right"], "depends_on": both},
        },
        "states": {
            "location": {
                "elements": LOCATIONS,
                "depends_on": ["location"],
                "controlled_by": ["go"],
            },
            "condition": {"elements": CONDITIONS, "depends_on": ["condition"]},
        },
        "controls": {"go": {"elements": LOCATIONS}},
    }
