"""Requests of counted steps: from probe sets, and from the models' environments."""

from __future__ import annotations

import json
from itertools import islice, pairwise
from typing import Any

import numpy as np
from agentc.codegen.links import Link, Ports
from agentc.codegen.main import ProgramSpec
from readiness.requests import EPISODE, RANDOM, Seen, encode, from_model, from_probe, requests

from tests.support.native_agents import random_model, ring

RECORDS = np.array([[1, 4, 2], [0, 3, 1], [0, 2, 0]], np.int32)
PORTS = Ports((5,), (3,), num_states=(5,))


def lines(program: ProgramSpec, seen: dict[str, Seen]) -> list[Any]:
    """The requests of one step."""
    return [json.loads(request.text) for request in encode(program, seen)]


def test_a_probe_set_is_repeated_and_tells_what_was_executed_before() -> None:
    steps = list(islice(from_probe(RECORDS, 1), 5))
    assert [(s.reset, list(s.observation), list(s.executed)) for s in steps] == [
        (True, [4], []),
        (False, [3], [2]),
        (False, [2], [1]),
        (True, [4], []),
        (False, [3], [2]),
    ]


def test_an_environment_follows_its_model() -> None:
    model = ring(states=5, noise=0.0)
    steps = list(islice(from_model(model, 0), EPISODE * RANDOM))
    assert [k for k, step in enumerate(steps) if step.reset] == list(range(0, len(steps), EPISODE))
    moves = {0: 0, 1: -1, 2: 1}
    for before, after in pairwise(steps[: EPISODE * 2]):
        if not after.reset:
            expected = (before.observation[0] + moves[after.executed[0]]) % 5
            assert after.observation[0] == expected
    assert {action for step in steps for action in step.executed} == {0, 1, 2}
    again = list(islice(from_model(model, 0), EPISODE * RANDOM))
    assert steps == again != list(islice(from_model(model, 1), EPISODE * RANDOM))


def test_every_number_of_an_environment_is_valid() -> None:
    model = random_model("crossed", seed=3)
    for step in islice(from_model(model, 0), EPISODE * RANDOM):
        assert all(0 <= o < n for o, n in zip(step.observation, model.num_obs, strict=True))
        choices = [model.num_controls[c] for c in model.control_factors]
        assert step.reset or all(0 <= a < n for a, n in zip(step.executed, choices, strict=True))


def test_requests_of_replicas_links_and_copies() -> None:
    agents = {"scout": PORTS, "picker": Ports((5, 2), (3,), num_states=(5,))}
    program = ProgramSpec(
        agents, (Link(1, 0, 0, 0), Link(2, 0, 0, 0)), replicas={"picker": 2}, copies=3
    )
    seen = {"scout": Seen(False, [1], [2]), "picker": Seen(True, [4, 1], [0])}
    reset, step = lines(program, seen)
    assert reset == {"reset": ["picker"]}
    assert step == {
        "copy": 2,
        "scout": [1],
        "picker.0": [None, 1],
        "picker.1": [None, 1],
        "executed": {"scout": [2]},
    }
    both = {name: Seen(True, one.observation, ()) for name, one in seen.items()}
    assert lines(program, both)[0] == {"reset": True}


def test_sources_follow_each_other() -> None:
    program = ProgramSpec({"scout": PORTS})
    sources = {"scout": [from_probe(RECORDS, 1), from_probe(RECORDS[:1], 1)]}
    steps = list(requests(program, sources, [4, 2]))
    assert [request.is_step for request in steps].count(True) == 6
    assert [request.is_step for request in steps] == [
        *(False, True, True, True),
        *(False, True, False, True, False, True),
    ]
