"""Rewards of a POMDP file as preferences of an agent: over what it sees, or over reward levels that it observes.

An agent prefers observations. Where every observation comes with one reward, the rewards are preferences over the observations.
Elsewhere the reward is observed: a modality `reward` shows the level of the last step's reward. Its state factor `reward`
takes the level with the probability that R, T and O give it, P(level | state before, action), so the expected utility of a
policy is its expected reward, exactly. The factor does not influence the other factors: what is believed about the
states is what the observations of the file say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from agentc.importers.pomdp.parser import Pomdp
from agentc.importers.text_input import MAX_CELLS
from agentc.ir.types import F64, ModelFault

MAX_EVENTS = 1 << 25
MAX_LEVELS = 256
NO_REWARD = "none"
"""The level before the first action: there was no reward yet."""
WAY_OUT = (
    "say what the agent prefers to see instead: preferences = { observation = 1.0, .. } (nats), "
    "or preferences = {} for nothing"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What becomes of rewards: `kind` is "observed", "preferences" or "" (preferences where possible, else observed).

    A unit of reward is worth `scale` nats. `gain` says whether the information gain of the reward modality counts.
    """

    kind: str = ""
    scale: float = 1.0
    gain: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The distinct rewards of possible events, ascending, and chances[action, state before, level]."""

    values: F64
    chances: F64

    @property
    def names(self) -> tuple[str, ...]:
        """The values of the modality: none, then each reward as a number."""
        return (NO_REWARD, *(repr(value).removesuffix(".0") for value in self.values.tolist()))

    def transitions(self) -> F64:
        """B of the factor `reward`: next level, state before, level before (it does not matter), action."""
        actions, states, count = self.chances.shape
        table = np.zeros((count + 1, states, count + 1, actions))
        table[1:] = np.transpose(self.chances, (2, 1, 0))[:, :, None, :]
        return table


def bounded(model: Pomdp) -> None:
    """ModelFault when looking at every event would take too much memory."""
    if model.rewards and model.states.size**2 * model.observations.size > MAX_EVENTS:
        raise ModelFault(
            [f"R: {model.states.size} states are too many to look at every reward: {WAY_OUT}"]
        )


def by_observation(model: Pomdp, T: F64, seen: F64) -> tuple[F64, str]:
    """The reward that each observation tells; the second value says why there is none (empty when there is)."""
    count = model.observations.size
    first: list[tuple[float, str] | None] = [None] * count
    for action in range(model.actions.size if model.rewards else 0):
        table = _dense(model, action)
        possible = (T[action][:, :, None] > 0.0) & (seen[action][None, :, :] > 0.0)
        for o in range(count):
            reason = _disagreement(model, (action, o), table[:, :, o], possible[:, :, o], first)
            if reason:
                return np.zeros(count), reason
    return _signed(model, np.array([0.0 if found is None else found[0] for found in first])), ""


def levels(model: Pomdp, T: F64, seen: F64) -> Levels:
    """The levels of the rewards that can occur, and their chances; ModelFault when there are too many."""
    found = [
        one
        for action in range(model.actions.size)
        for one in _by_start(model, action, T[action], seen[action])
    ]
    values = np.unique(np.concatenate([rewards for rewards, _ in found]))
    states, count = model.states.size, len(values)
    if count > MAX_LEVELS:
        raise ModelFault(
            [
                f"R: {count} different rewards, at most {MAX_LEVELS} can be observed as levels: round the rewards "
                f"of the file so that fewer differ, or {WAY_OUT}"
            ]
        )
    if (count + 1) ** 2 * states * model.actions.size > MAX_CELLS:
        raise ModelFault(
            [
                f"R: {count} reward levels with {states} states and {model.actions.size} actions are more than "
                f"{MAX_CELLS} entries: round the rewards of the file so that fewer differ, or {WAY_OUT}"
            ]
        )
    chances = np.zeros((model.actions.size * states, count))
    for row, (rewards, weights) in zip(chances, found, strict=True):
        row[np.searchsorted(values, rewards)] = weights
    chances = chances / chances.sum(axis=1, keepdims=True)
    return Levels(values, chances.reshape(model.actions.size, states, count))


def _by_start(model: Pomdp, action: int, T: F64, seen: F64) -> Iterator[tuple[F64, F64]]:
    """For each start state the rewards that the action can bring, ascending, and their probabilities."""
    table = _dense(model, action)
    for start in range(model.states.size):
        weight = T[start][:, None] * seen
        possible = weight > 0.0
        rewards, which = np.unique(_signed(model, table[start][possible]), return_inverse=True)
        yield (
            rewards,
            np.asarray(np.bincount(which.reshape(-1), weights=weight[possible]), dtype=np.float64),
        )


def over_time(C: F64, discount: float, policy_len: int) -> F64:
    """Preferences for each step of a policy where the discount makes a difference, else as they are."""
    if policy_len < 2 or discount == 1.0 or not C.any():
        return C
    steps = [C]
    for _ in range(policy_len - 1):
        steps.append(steps[-1] * discount)
    return np.stack(steps)


def _signed(model: Pomdp, values: F64) -> F64:
    """Costs are negative rewards."""
    return (-1.0 if model.cost else 1.0) * values + 0.0


def _dense(model: Pomdp, action: int) -> F64:
    """Rewards of an action over start, end and observation; later statements win."""
    table = np.zeros((model.states.size, model.states.size, model.observations.size))
    for one in model.rewards:
        if one.action == action or isinstance(one.action, slice):
            table[one.start, one.end, one.seen] = one.values
    return table


def _disagreement(
    model: Pomdp,
    event: tuple[int, int],
    table: F64,
    possible: Any,
    first: list[tuple[float, str] | None],
) -> str:
    """Why the possible events with this observation do not bring the same reward as those before (empty: they do)."""
    action, o = event
    places = np.argwhere(possible)
    if not len(places):
        return ""
    values = table[possible]
    known = first[o] or (float(values[0]), _event(model, action, places[0]))
    first[o] = known
    odd = np.flatnonzero(values != known[0])
    if not len(odd):
        return ""
    return (
        f"R cannot become preferences: {model.observations.name(o)!r} is seen with reward {known[0]!r} ({known[1]}) and with "
        f"{float(values[odd[0]])!r} ({_event(model, action, places[odd[0]])}), so what is seen does not tell it"
    )


def _event(model: Pomdp, action: int, ends: Sequence[int]) -> str:
    return f"{model.actions.name(action)} from {model.states.name(int(ends[0]))} to {model.states.name(int(ends[1]))}"
