"""Write legacy.npz: beliefs and judgements of agents of pymdp 0.0.7.

    python tests/pymdp/record_legacy.py

It runs in an environment with `inferactively-pymdp==0.0.7.1`. That version and pymdp 1 cannot be
installed together, and `pymdp.legacy` of pymdp 1 computes the information gain of each modality, so
the results are stored. Each agent has a name: `<name>.A0` and so on are its arrays, `.spec` its
parameters as JSON. `.obs`, `.actions`, `.qs`, `.q_pi` and `.G` have one row a step: random
observations, some of them impossible, and random executed actions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 10
Arrays = dict[str, Any]


def columns(rng: np.random.Generator, *shape: int) -> Any:
    """Random probabilities along axis 0, about a third of them zero."""
    array = rng.random(shape) * (rng.random(shape) > 0.3)
    array[0] += 0.05
    return array / array.sum(axis=0)


def random_agent(seed: int) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and parameters: one to three factors, one to three modalities, with habits, timed
    wishes and listed policies.
    """
    rng = np.random.default_rng([7, seed])
    states, outcomes, controls = (
        [3, 4, 2][: 1 + seed % 3],
        [4, 3, 2][: 1 + (seed + seed // 3) % 3],
        [3, 2, 1][: 1 + seed % 3],
    )
    spec: dict[str, Any] = {
        "policy_len": 1 + seed % 2,
        "use_states_info_gain": seed != 4,
        "use_utility": seed != 5,
        "gamma": [16.0, 3.0][seed % 2],
        "sampling_mode": ["marginal", "full"][seed % 5 == 3],
    }
    arrays = {
        "A": [columns(rng, o, *states) for o in outcomes],
        "B": [columns(rng, n, n, u) for n, u in zip(states, controls)],
        "C": [rng.normal(size=(o, spec["policy_len"]) if seed == 7 else o) * 2.0 for o in outcomes],
        "D": [columns(rng, n) for n in states],
    }
    count = int(np.prod(controls)) ** spec["policy_len"]
    return arrays | ({"E": rng.random(count)} if seed % 3 == 2 else {}), spec


def maze() -> tuple[Arrays, dict[str, Any]]:
    """The T-maze that ships with 0.0.7."""
    from pymdp.envs import TMazeEnv

    environment = TMazeEnv(reward_probs=[0.98, 0.02])
    A, B = environment.get_likelihood_dist(), environment.get_transition_dist()
    C = [np.zeros(len(a)) for a in A]
    C[1][1:3] = 3.0, -3.0
    D = [np.eye(4)[0], np.full(2, 0.5)]
    return {"A": list(A), "B": list(B), "C": C, "D": D}, {"policy_len": 2}


def objects(arrays: Sequence[Any]) -> Any:
    """An object array, as 0.0.7 requires."""
    result = np.empty(len(arrays), dtype=object)
    for i, array in enumerate(arrays):
        result[i] = np.array(array)
    return result


def recorded(arrays: Arrays, spec: dict[str, Any], seed: int) -> Arrays:
    """The agent's answers."""
    from pymdp.agent import Agent

    values = {
        letter: value if letter == "E" else objects(value) for letter, value in arrays.items()
    }
    agent, rng = Agent(**values, **spec), np.random.default_rng([8, seed])
    rows: Arrays = {name: [] for name in ("obs", "actions", "qs", "q_pi", "G")}
    for _ in range(STEPS):
        obs = [int(rng.integers(len(a))) for a in arrays["A"]]
        qs = agent.infer_states(obs)
        q_pi, G = agent.infer_policies()
        action = [int(rng.integers(b.shape[-1])) for b in arrays["B"]]
        agent.action = np.array(action, dtype=float)
        agent.step_time()
        for name, value in (
            ("obs", obs),
            ("actions", action),
            ("qs", np.concatenate(list(qs))),
            ("q_pi", q_pi),
            ("G", G),
        ):
            rows[name].append(
                np.asarray(value, dtype=np.int32 if name in ("obs", "actions") else np.float64)
            )
    return {name: np.array(row) for name, row in rows.items()}


def main() -> None:
    """Write the file beside this one."""
    result: Arrays = {}
    agents = {f"random{seed}": random_agent(seed) for seed in range(10)} | {"maze": maze()}
    for seed, (name, (arrays, spec)) in enumerate(agents.items()):
        listed = {letter: [value] if letter == "E" else value for letter, value in arrays.items()}
        named = {
            f"{letter}{i}": array
            for letter, value in listed.items()
            for i, array in enumerate(value)
        }
        built = named | recorded(arrays, spec, seed) | {"spec": np.array(json.dumps(spec))}
        result |= {f"{name}.{key}": value for key, value in sorted(built.items())}
    np.savez_compressed(Path(__file__).with_name("legacy.npz"), **result)


if __name__ == "__main__":
    main()
