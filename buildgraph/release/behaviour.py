"""Compare how two programs act on the same probe set, step by step.

A probe set has episodes of observations and executed actions. Both programs receive the same ones,
so their beliefs stay comparable after the first difference.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Interface:
    """Sizes of an agent: outcomes by modality, states by factor, actions by control, policies."""

    num_obs: tuple[int, ...]
    num_states: tuple[int, ...]
    num_controls: tuple[int, ...]
    policies: int

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Interface:
        """Read an interface.json; LookupError or TypeError if it has another form."""
        return cls(
            tuple(document["num_obs"]),
            tuple(document["num_states"]),
            tuple(document["num_controls"]),
            int(document["n_policies"]),
        )

    @property
    def reply_items(self) -> int:
        """Number of 4-byte items in the reply of one step."""
        return sum(self.num_states) + self.policies + len(self.num_controls) + 1

    def why_incomparable(self, other: Interface) -> str:
        """Return why two agents cannot get the same probe set; '' if they can."""
        for name, old, new in (
            ("observations", self.num_obs, other.num_obs),
            ("controls", self.num_controls, other.num_controls),
        ):
            if old != new:
                return f"its {name} have other shapes: {list(old)} -> {list(new)}"
        return ""


@dataclass(frozen=True, slots=True)
class ProbeSet:
    """A probe set: observations and executed actions, row by row, of episodes of equal length."""

    episodes: int
    steps: int
    observations: tuple[tuple[int, ...], ...]
    executed: tuple[tuple[int, ...], ...]

    @classmethod
    def parse(cls, facts: Mapping[str, Any], observed: bytes, executed: bytes) -> ProbeSet:
        """Read probe.json, obs.i32 and executed.i32; ValueError if their sizes differ."""
        episodes, steps = int(facts["episodes"]), int(facts["steps"])
        rows = [
            _rows(data, int(facts[name]))
            for data, name in ((observed, "modalities"), (executed, "controls"))
        ]
        if any(len(column) != episodes * steps for column in rows):
            raise ValueError("the probe set has another number of steps than its facts")
        return cls(episodes, steps, rows[0], rows[1])

    def records(self) -> bytes:
        """Return the records of `agent --replay`: reset, observations, executed actions."""
        return b"".join(
            struct.pack(f"<{1 + len(seen) + len(done)}i", number % self.steps == 0, *seen, *done)
            for number, (seen, done) in enumerate(
                zip(self.observations, self.executed, strict=True)
            )
        )


def _rows(data: bytes, width: int) -> tuple[tuple[int, ...], ...]:
    return tuple(struct.iter_unpack(f"<{width}i", data)) if width else ()


@dataclass(frozen=True, slots=True)
class DifferentStep:
    """A step at which the releases act differently; episodes and steps count from 0.

    `seen` are the observations of the episode so far, the latest last, and `executed` the actions
    between them. `before` and `after` are the actions of the old and the new release.
    """

    episode: int
    step: int
    seen: tuple[tuple[int, ...], ...]
    executed: tuple[tuple[int, ...], ...]
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BehaviourChange:
    """Differences on a probe set: numbers of states (steps) and of episodes, and three examples.

    `belief` is the largest change of a probability in a posterior; None if the states have other
    shapes.
    """

    states: int
    episodes: int
    different_states: int
    different_episodes: int
    examples: tuple[DifferentStep, ...]
    belief: float | None


def compare_replies(
    probe: ProbeSet, old: tuple[Interface, bytes], new: tuple[Interface, bytes]
) -> BehaviourChange:
    """Compare the replies of two programs; ValueError if they have the wrong size."""
    before, after = (_actions(*replies, len(probe.observations)) for replies in (old, new))
    places = [at for at in range(len(before)) if before[at] != after[at]]
    episodes = {at // probe.steps for at in places}
    return BehaviourChange(
        len(before),
        probe.episodes,
        len(places),
        len(episodes),
        tuple(_example(probe, at, before[at], after[at]) for at in _choose(places, probe.steps)),
        _belief_change(old, new) if old[0].num_states == new[0].num_states else None,
    )


def _actions(interface: Interface, replies: bytes, steps: int) -> list[tuple[int, ...]]:
    size = 4 * interface.reply_items
    if len(replies) != size * steps:
        raise ValueError(f"{len(replies)} bytes of replies instead of {size * steps}")
    count = len(interface.num_controls)
    start = size - 4 * (count + 1)
    return [
        struct.unpack_from(f"<{count}i", replies, at + start) for at in range(0, len(replies), size)
    ]


def _choose(places: Sequence[int], steps: int) -> list[int]:
    """Choose three steps: the first of each of the first episodes, then the next ones."""
    first: dict[int, int] = {}
    for at in places:
        first.setdefault(at // steps, at)
    chosen = list(first.values())[:_EXAMPLES]
    rest = [at for at in places if at not in chosen]
    return sorted(chosen + rest[: _EXAMPLES - len(chosen)])


def _example(
    probe: ProbeSet, at: int, before: tuple[int, ...], after: tuple[int, ...]
) -> DifferentStep:
    episode, step = divmod(at, probe.steps)
    start = at - step
    return DifferentStep(
        episode,
        step,
        probe.observations[start : at + 1],
        probe.executed[start:at],
        before,
        after,
    )


def _belief_change(old: tuple[Interface, bytes], new: tuple[Interface, bytes]) -> float:
    """Return the largest difference of two posteriors, over all steps and states."""
    count, largest = sum(old[0].num_states), 0.0
    for before, after in zip(_beliefs(*old, count), _beliefs(*new, count), strict=True):
        largest = max(largest, *(abs(was - now) for was, now in zip(before, after, strict=True)))
    return largest


def _beliefs(interface: Interface, replies: bytes, count: int) -> list[tuple[float, ...]]:
    size = 4 * interface.reply_items
    return [struct.unpack_from(f"<{count}f", replies, at) for at in range(0, len(replies), size)]
