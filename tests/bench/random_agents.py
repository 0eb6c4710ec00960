"""Random agents: sparse ones of one factor, and dense ones of several factors."""

from __future__ import annotations

import numpy as np
from agentc.ir import files as ir
from agentc.ir.files import F64

from tests.support.native_agents import make

ACTIONS, SUCCESSORS, NOISE = 8, 6, 0.01
DENSE = {
    "dense_4": ((8, 8, 8, 8), (3, 2, 1, 1), False),
    "dense_crossed": ((12, 10, 8), (3, 2, 1), True),
    "dense_3": ((10, 10, 10), (3, 3, 1), False),
}
"""States, controls, and whether each transition also reads the next factor."""


def dense_agent(name: str, seed: int = 0) -> ir.Model:
    """Write one of DENSE: three modalities of eight outcomes that depend on all factors."""
    return dense(*DENSE[name], outcomes=(8, 8, 8), seed=seed)


def dense(
    states: tuple[int, ...],
    controls: tuple[int, ...],
    crossed: bool,
    *,
    outcomes: tuple[int, ...],
    seed: int = 0,
    policy_len: int = 2,
) -> ir.Model:
    """Write an agent whose arrays have no zero."""
    rng, count = np.random.default_rng(seed), len(states)
    reads = tuple(tuple(sorted({f, (f + 1) % count})) if crossed else (f,) for f in range(count))

    def columns(rows: int, *shape: int) -> F64:
        return np.moveaxis(rng.dirichlet(np.ones(rows), size=shape), -1, 0)

    A = [columns(rows, *states) for rows in outcomes]
    B = [
        columns(n, *(states[d] for d in read), u)
        for n, read, u in zip(states, reads, controls, strict=True)
    ]
    everything = [tuple(range(count))] * len(outcomes)
    C = tuple(rng.normal(size=rows) for rows in outcomes)
    return make(
        A, B, everything, controls, C=C, gamma=1.0, B_dependencies=reads, policy_len=policy_len
    )


def random_agent(states: int, seed: int = 0) -> ir.Model:
    """Write an agent of one factor, with half as many outcomes as states.

    Three noisy modalities, eight actions, six successors of each state. Noise
    keeps each entry of A above zero.
    """
    rng, outcomes = np.random.default_rng(seed), states // 2
    B = np.zeros((states, states, ACTIONS))
    for u in range(ACTIONS):
        for s in range(states):
            B[rng.choice(states, SUCCESSORS, replace=False), s, u] = rng.dirichlet(
                np.ones(SUCCESSORS)
            )
    A = []
    for _ in range(3):
        seen = np.full((outcomes, states), NOISE / outcomes)
        seen[rng.integers(outcomes, size=states), np.arange(states)] += 1.0 - NOISE
        A.append(seen)
    C = tuple(rng.normal(size=outcomes) for _ in A)
    return make(A, [B], [(0,)] * 3, (ACTIONS,), C=C, gamma=1.0)


def records(
    model: ir.Model, steps: int, every: int = 32, seed: int = 0
) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """Replay records of a random walk in the world of a model; it restarts each `every` steps."""
    rng, rows = np.random.default_rng(seed), []

    def drawn(table: F64, *place: int) -> int:
        column = np.moveaxis(table, 0, -1)[place]
        return int(rng.choice(len(column), p=column))

    state = [0] * len(model.num_states)
    for step in range(steps):
        if step % every == 0:
            state = [drawn(d) for d in model.D]
        seen = [
            drawn(a, *(state[f] for f in deps))
            for a, deps in zip(model.A, model.A_dependencies, strict=True)
        ]
        moves = [int(rng.integers(model.num_controls[c])) for c in model.control_factors]
        rows.append([step % every == 0, *seen, *moves])
        wide = dict(zip(model.control_factors, moves, strict=True))
        state = [
            drawn(b, *(state[d] for d in deps), *(wide.get(c, 0) for c in controls))
            for b, deps, controls in zip(
                model.B, model.B_dependencies, model.B_action_dependencies, strict=True
            )
        ]
    return np.array(rows, "<i4")
