"""Small models for the tests of the tools: built through the same door as users' models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir import files as ir

EXAMPLES = Path(__file__).parents[2] / "examples/pymdp/models"
NAMES = ("cue_chaining", "graph_world", "grid_world", "tmaze")


def columns(rng: np.random.Generator, *shape: int) -> np.ndarray[Any, Any]:
    """Random probabilities along axis 0, about a third of them exactly zero."""
    array = rng.random(shape) * (rng.random(shape) > 0.3)
    array[0] += 0.05
    return np.asarray(array / array.sum(axis=0))


def one_factor(seed: int = 0, **spec: Any) -> ir.Model:
    """Two modalities, one factor of four states, three actions, policies of length two."""
    rng = np.random.default_rng(seed)
    source = ModelSource(
        A=[columns(rng, 3, 4), columns(rng, 2, 4)],
        B=[columns(rng, 4, 4, 3)],
        C=[rng.normal(size=3), rng.normal(size=2)],
        D=[columns(rng, 4)],
        spec={"policy_len": 2} | spec,
    )
    return resolve(source, {})[0]


def entangled(seed: int = 1, **spec: Any) -> ir.Model:
    """Three factors, two of them controlled, one that depends on another factor, C over time, E."""
    rng = np.random.default_rng(seed)
    source = ModelSource(
        A=[columns(rng, 3, 3, 2), columns(rng, 4, 2, 2), columns(rng, 2, 3, 2, 2)],
        B=[columns(rng, 3, 3, 2, 2), columns(rng, 2, 2, 3), columns(rng, 2, 2, 1)],
        C=[rng.normal(size=3), rng.normal(size=(2, 4)), rng.normal(size=2)],
        D=[columns(rng, 3), columns(rng, 2), columns(rng, 2)],
        E=columns(rng, 36),
        spec={
            "A_dependencies": [[0, 1], [1, 2], [0, 2, 1]],
            "B_dependencies": [[0, 2], [1], [2]],
            "num_controls": [2, 3, 1],
            "policy_len": 2,
            "gamma": 2.5,
        }
        | spec,
    )
    return resolve(source, {})[0]


def driven(
    rows: Sequence[Sequence[int]], controls: Sequence[int], seed: int = 2, **spec: Any
) -> ir.Model:
    """One factor of three states for each row of B_action_dependencies, each seen by itself,
    marginal sampling.
    """
    rng = np.random.default_rng(seed)
    source = ModelSource(
        A=[columns(rng, 4, 3) for _ in rows],
        B=[columns(rng, 3, 3, *(controls[c] for c in row)) for row in rows],
        C=[rng.normal(size=4) for _ in rows],
        spec={
            "A_dependencies": [[f] for f in range(len(rows))],
            "B_action_dependencies": [list(row) for row in rows],
            "num_controls": list(controls),
            "sampling_mode": "marginal",
            "gamma": 2.0,
        }
        | spec,
    )
    return resolve(source, {})[0]


def overlapping() -> ir.Model:
    """Two factors that share one of their controls, and would choose it each by itself."""
    return replace(driven([[0, 1], [1]], (2, 3), sampling_mode="full"), sampling_mode="marginal")
