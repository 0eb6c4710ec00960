"""Requests of a coalition's program: steps of the probe sets, then of the models' own
environments.

The steps are a function of probe sets, models and numbers of steps only. Replicas of an agent see
the same. A modality that a link feeds is null in every request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from agentc.codegen.main import ProgramSpec
from agentc.ir.files import I32, Model
from agentc.numerics.counter_rng import draw, uniform
from agentc.oracle.policy_tree import every_control

EPISODE = 32
"""Steps of an episode in a model's environment."""
RANDOM = 4
"""Every fourth such episode has random observations, also impossible ones."""
SEED = 12
_START, _SEE, _GUESS, _ACT, _MOVE = range(5)
"""Uses of random numbers at one place."""
Place = tuple[int, int]  # episode, step


@dataclass(frozen=True, slots=True)
class Request:
    """A line of the program's input, and whether it is a step (and no reset)."""

    text: str
    is_step: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Input of one agent in a step: reset before it, observation, action executed before it."""

    reset: bool
    observation: Sequence[int]
    executed: Sequence[int]


def from_probe(records: I32, modalities: int) -> Iterator[Seen]:
    """Yield the steps of replay records (reset, observation, executed action) for ever."""
    while True:
        before: Sequence[int] = ()
        for row in records.tolist():
            reset = bool(row[0])
            yield Seen(reset, row[1 : 1 + modalities], () if reset else before)
            before = row[1 + modalities :]


class Environment:
    """A model as a generative process; its random numbers depend on seed and place only."""

    def __init__(self, model: Model, seed: int) -> None:
        self.model, self.seed = model, seed
        self._a, self._b = (
            [np.moveaxis(array, 0, -1) for array in arrays] for arrays in (model.A, model.B)
        )

    def start(self, episode: int) -> tuple[int, ...]:
        """Sample the state in which an episode begins."""
        return tuple(
            draw(d, uniform(self.seed, episode, _START, f)) for f, d in enumerate(self.model.D)
        )

    def observe(self, state: Sequence[int], place: Place) -> tuple[int, ...]:
        """Sample an observation: any in a random episode, else one of the state."""
        if place[0] % RANDOM == RANDOM - 1:
            sizes = enumerate(self.model.num_obs)
            return tuple(int(uniform(self.seed, *place, _GUESS, m) * n) for m, n in sizes)
        return tuple(
            draw(a[tuple(state[f] for f in parents)], uniform(self.seed, *place, _SEE, m))
            for m, (a, parents) in enumerate(zip(self._a, self.model.A_dependencies, strict=True))
        )

    def act(self, place: Place) -> tuple[int, ...]:
        """Sample an action of each control that offers a choice."""
        choices = [self.model.num_controls[c] for c in self.model.control_factors]
        return tuple(int(uniform(self.seed, *place, _ACT, c) * n) for c, n in enumerate(choices))

    def move(self, state: Sequence[int], action: Sequence[int], place: Place) -> tuple[int, ...]:
        """Sample the state after an action."""
        model = self.model
        chosen = every_control(model, np.array([list(action)], dtype=np.int32))[0].tolist()
        reads = zip(self._b, model.B_dependencies, model.B_action_dependencies, strict=True)
        return tuple(
            draw(
                b[(*(state[d] for d in parents), *(chosen[c] for c in controls))],
                uniform(self.seed, *place, _MOVE, f),
            )
            for f, (b, parents, controls) in enumerate(reads)
        )


def from_model(model: Model, agent: int) -> Iterator[Seen]:
    """Yield steps in the environment of the agent of this number, with random actions, for ever."""
    world = Environment(model, SEED + (agent << 32))
    for episode in count():
        state = world.start(episode)
        action: tuple[int, ...] = ()
        for s in range(EPISODE):
            place = (episode, s)
            yield Seen(s == 0, world.observe(state, place), action)
            action = world.act(place)
            state = world.move(state, action, place)


def heaviest(tables: Mapping[str, Any], header: Mapping[str, Any]) -> Seen:
    """Return the step whose tables have the most entries: outcomes and executed action."""
    outcomes = [
        int(np.argmax(np.diff(tables[f"L{m}_ptr"].astype(np.int64))))
        if f"L{m}_ptr" in tables
        else 0
        for m in range(len(header["num_obs"]))
    ]
    action = [0] * len(header["num_controls"])
    for c, choices in enumerate(header["num_controls"]):
        action[c] = max(
            range(choices), key=lambda u: _moved(tables, header, [*action[:c], u, *action[c + 1 :]])
        )
    return Seen(False, outcomes, action)


def _moved(tables: Mapping[str, Any], header: Mapping[str, Any], action: Sequence[int]) -> int:
    """Return the entries of the transitions of an action."""
    entries = 0
    for f, controls in enumerate(header["actions"]):
        flat, size = 0, header["num_states"][f]
        for column, choices in controls:
            flat = flat * choices + action[column]
        first = int(tables[f"B{f}_slice"][flat]) * size
        entries += int(tables[f"B{f}_ptr"][first + size]) - int(tables[f"B{f}_ptr"][first])
    return entries


def encode(program: ProgramSpec, seen: Mapping[str, Seen]) -> Iterator[Request]:
    """Yield the requests of one step: a reset if an agent has one, then the step."""
    resets = [name for name, one in seen.items() if one.reset]
    if resets:
        value = True if len(resets) == len(seen) else resets
        yield Request(_dump({"reset": value}), False)
    fed = {(link.target, link.modality) for link in program.links}
    body: dict[str, Any] = {"copy": program.copies - 1} if program.copies > 1 else {}
    executed = {}
    for i, (name, agent) in enumerate(program.team.instances):
        one = seen[agent]
        body[name] = [None if (i, m) in fed else o for m, o in enumerate(one.observation)]
        if len(one.executed) and not one.reset:
            executed[name] = list(one.executed)
    yield Request(_dump(body | ({"executed": executed} if executed else {})), True)


def _dump(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))


def requests(
    program: ProgramSpec, agents: Mapping[str, Sequence[Iterator[Seen]]], steps: Sequence[int]
) -> Iterator[Request]:
    """Yield steps[k] steps of the k-th source of each agent, for each k; every source starts with
    a reset.
    """
    for k, wanted in enumerate(steps):
        for _ in range(wanted):
            yield from encode(program, {name: next(parts[k]) for name, parts in agents.items()})
