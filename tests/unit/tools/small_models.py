"""Small models for the tests of the tools: built through the same door as users' models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ir
import numpy as np
from model_source import Source, resolve

EXAMPLES = Path(__file__).parents[3] / "examples/pymdp/models"
NAMES = ("cue_chaining", "graph_world", "grid_world", "tmaze")


def columns(rng: np.random.Generator, *shape: int) -> np.ndarray[Any, Any]:
    """Random probabilities along axis 0, about a third of them exactly zero."""
    found = rng.random(shape) * (rng.random(shape) > 0.3)
    found[0] += 0.05
    return np.asarray(found / found.sum(axis=0))


def one_factor(seed: int = 0, **spec: Any) -> ir.Model:
    """Two modalities, one factor of four states, three actions, policies of length two."""
    rng = np.random.default_rng(seed)
    source = Source(
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
    source = Source(
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
