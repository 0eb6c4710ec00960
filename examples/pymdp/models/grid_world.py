"""Grid world of pymdp 1.0.4 (pymdp.envs.GridWorld), with noisy moves and places. 49 states."""

from __future__ import annotations

from typing import Any

MOVES = ["up", "right", "down", "left", "stay"]


def build(
    rows: int = 7, cols: int = 7, success: float = 0.9, noise: float = 0.15, policy_len: int = 4
) -> dict[str, Any]:
    """A, B, C, D and parameters; `noise` is the probability of observing a neighbouring cell."""
    import numpy as np
    from pymdp.envs.grid_world import GridWorld

    env = GridWorld(shape=(rows, cols), success_prob=success, initial_position=(0, 0))
    steps = np.asarray(GridWorld(shape=(rows, cols)).B[0], dtype=np.float64)
    blur = steps[:, :, :4].sum(axis=2) / 4.0
    A = (1.0 - noise) * np.asarray(env.A[0], dtype=np.float64) + noise * blur
    cells = [f"({row},{col})" for row in range(rows) for col in range(cols)]
    goal = np.zeros(rows * cols)
    goal[-1] = 4.0
    return {
        "A": [A],
        "B": list(env.B),
        "C": [goal],
        "D": list(env.D),
        "A_dependencies": env.A_dependencies,
        "B_dependencies": env.B_dependencies,
        "num_controls": [len(MOVES)],
        "policy_len": policy_len,
        "gamma": 16.0,
        "alpha": 16.0,
        "observations": {"sensed": {"elements": cells, "depends_on": ["location"]}},
        "states": {
            "location": {"elements": cells, "depends_on": ["location"], "controlled_by": ["move"]}
        },
        "controls": {"move": {"elements": MOVES}},
    }
