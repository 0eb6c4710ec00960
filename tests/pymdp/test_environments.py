"""The model of every environment that ships with pymdp: native, reference and pymdp 1.0.4 alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agentc.importers import python as ingest_python
from agentc.importers.resolve import resolve
from agentc.ir.files import Model
from agentc.plan.feature_support import refusals

from tests.pymdp.test_generated import compare
from tests.support.requirements import need_module

pytestmark = pytest.mark.slow
STEPS = 24


def _tmaze() -> Any:
    from pymdp.envs.tmaze import TMaze

    return TMaze()


def _simplified() -> Any:
    from pymdp.envs.tmaze import SimplifiedTMaze

    return SimplifiedTMaze()


def _cue_chaining() -> Any:
    from pymdp.envs.cue_chaining import CueChainingEnv

    return CueChainingEnv()


def _grid() -> Any:
    from pymdp.envs.grid_world import GridWorld

    return GridWorld(shape=(4, 3))


def _graph() -> Any:
    from pymdp.envs.graph_worlds import GraphEnv, generate_connected_clusters

    graph, _ = generate_connected_clusters(cluster_size=3, connections=2)
    return GraphEnv(graph, object_location=1, agent_location=0)


def _generalized() -> Any:
    from jax import random
    from pymdp.envs.generalized_tmaze import (
        GeneralizedTMazeEnv,
        get_maze_matrix,
        parse_maze,
    )

    return GeneralizedTMazeEnv(parse_maze(get_maze_matrix(small=True), random.PRNGKey(0)))


ENVIRONMENTS = (_tmaze, _simplified, _cue_chaining, _grid, _graph, _generalized)


def of(environment: Any, **parameters: Any) -> Model:
    """The agent whose generative model is the environment itself, through the importer."""
    from jax import numpy as jnp
    from pymdp.agent import Agent

    arrays = {letter: list(getattr(environment, letter)) for letter in "ABD"}
    wishes = [jnp.linspace(-1.0, 2.0, a.shape[0]) for a in arrays["A"]]
    built = Agent(
        **arrays,
        C=wishes,
        A_dependencies=environment.A_dependencies,
        B_dependencies=environment.B_dependencies,
        policy_len=2,
        gamma=4.0,
        **parameters,
    )
    return resolve(ingest_python.source_of(built), {})[0]


@pytest.mark.parametrize("build", ENVIRONMENTS, ids=lambda build: build.__name__.strip("_"))
def test_an_environment(build: Callable[[], Any], tmp_path: Path) -> None:
    need_module("ziglang")
    need_module("pymdp")
    model = of(build())
    assert refusals(model) == []
    compare([model], STEPS, tmp_path)


@pytest.mark.parametrize("build", (_grid, _generalized), ids=("grid", "generalized"))
def test_an_environment_with_a_goal(build: Callable[[], Any], tmp_path: Path) -> None:
    need_module("ziglang")
    need_module("pymdp")
    from jax import numpy as jnp

    environment = build()
    goals = [jnp.eye(len(d))[len(d) // 2] for d in environment.D]
    model = of(environment, H=goals, use_inductive=True, inductive_depth=6)
    assert len(model.I) == len(goals) and {len(rows) for rows in model.I} == {6}
    compare([model], STEPS, tmp_path)
