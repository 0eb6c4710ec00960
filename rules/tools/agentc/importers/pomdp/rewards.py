"""Rewards of a POMDP file as preferences: over its observations, or over observed reward levels.

If every observation has one reward, the rewards are preferences over observations. Otherwise the
reward is observed: the modality `reward` shows the level of the last reward. Its state factor
`reward` takes each level with the probability P(level | previous state, action) that R, T and O
give. So the expected utility of a policy is exactly its expected reward. The factor does not
influence other factors: observations of the file alone determine beliefs about the states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from agentc.importers.pomdp.parser import Pomdp
from agentc.importers.text_input import MAX_CELLS
from agentc.ir.types import F64, ModelError

MAX_EVENTS = 1 << 25
MAX_LEVELS = 256
NO_REWARD = "none"
"""The level before the first action."""
WAY_OUT = (
    "say what the agent prefers to see instead: preferences = { observation = 1.0, .. } (nats), "
    "or preferences = {} for nothing"
)


@dataclass(frozen=True, slots=True)
class RewardOptions:
    """Treatment of rewards: `kind` is "observed", "preferences", or "" to choose by the file.

    A unit of reward is `scale` nats. `gain` counts the information gain of the reward modality.
    """

    kind: str = ""
    scale: float = 1.0
    gain: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RewardLevels:
    """Distinct rewards of possible events, ascending, and chances[action, previous state,
    level].
    """

    values: F64
    chances: F64

    @property
    def names(self) -> tuple[str, ...]:
        """Values of the modality: none, then each reward as a number."""
        return (NO_REWARD, *(repr(value).removesuffix(".0") for value in self.values.tolist()))

    def transitions(self) -> F64:
        """Return B of the factor `reward`: next level, previous state, previous level, action."""
        actions, states, count = self.chances.shape
        table = np.zeros((count + 1, states, count + 1, actions))
        table[1:] = np.transpose(self.chances, (2, 1, 0))[:, :, None, :]
        return table


def check_size(model: Pomdp) -> None:
    """Raise a ModelError if an array over all events would need too much memory."""
    if model.rewards and model.states.size**2 * model.observations.size > MAX_EVENTS:
        raise ModelError(
            [f"R: {model.states.size} states are too many to look at every reward: {WAY_OUT}"]
        )


def by_observation(model: Pomdp, T: F64, seen: F64) -> tuple[F64, str]:
    """Return the reward of each observation, and why there is none (empty if there is)."""
    count = model.observations.size
    first: list[tuple[float, str] | None] = [None] * count
    for action in range(model.actions.size if model.rewards else 0):
        table = _dense(model, action)
        possible = (T[action][:, :, None] > 0.0) & (seen[action][None, :, :] > 0.0)
        for o in range(count):
            reason = _disagreement(model, (action, o), table[:, :, o], possible[:, :, o], first)
            if reason:
                return np.zeros(count), reason
    return _negate_costs(
        model, np.array([0.0 if event is None else event[0] for event in first])
    ), ""


def reward_levels(model: Pomdp, T: F64, seen: F64) -> RewardLevels:
    """Return the possible reward levels and their chances; ModelError if there are too many."""
    by_action = [
        one
        for action in range(model.actions.size)
        for one in _by_start(model, action, T[action], seen[action])
    ]
    values = np.unique(np.concatenate([rewards for rewards, _ in by_action]))
    states, count = model.states.size, len(values)
    if count > MAX_LEVELS:
        raise ModelError(
            [
                f"R: {count} different rewards, at most {MAX_LEVELS} can be observed as levels: "
                "round the rewards "
                f"of the file so that fewer differ, or {WAY_OUT}"
            ]
        )
    if (count + 1) ** 2 * states * model.actions.size > MAX_CELLS:
        raise ModelError(
            [
                f"R: {count} reward levels with {states} states and {model.actions.size} actions "
                "are more than "
                f"{MAX_CELLS} entries: round the rewards of the file so that fewer differ, or "
                f"{WAY_OUT}"
            ]
        )
    chances = np.zeros((model.actions.size * states, count))
    for row, (rewards, weights) in zip(chances, by_action, strict=True):
        row[np.searchsorted(values, rewards)] = weights
    chances = chances / chances.sum(axis=1, keepdims=True)
    return RewardLevels(values, chances.reshape(model.actions.size, states, count))


def _by_start(model: Pomdp, action: int, T: F64, seen: F64) -> Iterator[tuple[F64, F64]]:
    """Return possible rewards of an action, ascending, and their probabilities, by start state."""
    table = _dense(model, action)
    for start in range(model.states.size):
        weight = T[start][:, None] * seen
        possible = weight > 0.0
        rewards, which = np.unique(
            _negate_costs(model, table[start][possible]), return_inverse=True
        )
        yield (
            rewards,
            np.asarray(np.bincount(which.reshape(-1), weights=weight[possible]), dtype=np.float64),
        )


def over_time(C: F64, discount: float, policy_len: int) -> F64:
    """Return preferences for each step of a policy if the discount matters, else unchanged."""
    if policy_len < 2 or discount == 1.0 or not C.any():
        return C
    steps = [C]
    for _ in range(policy_len - 1):
        steps.append(steps[-1] * discount)
    return np.stack(steps)


def _negate_costs(model: Pomdp, values: F64) -> F64:
    """Negate costs: they are negative rewards."""
    return (-1.0 if model.cost else 1.0) * values + 0.0


def _dense(model: Pomdp, action: int) -> F64:
    """Return the rewards of an action over start, end and observation; later statements win."""
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
    """Return why possible events with this observation have several rewards; empty if one."""
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
        f"R cannot become preferences: {model.observations.name(o)!r} is seen with reward "
        f"{known[0]!r} ({known[1]}) and with "
        f"{float(values[odd[0]])!r} ({_event(model, action, places[odd[0]])}), so observations "
        "do not determine it"
    )


def _event(model: Pomdp, action: int, ends: Sequence[int]) -> str:
    return (
        f"{model.actions.name(action)} from {model.states.name(int(ends[0]))} to "
        f"{model.states.name(int(ends[1]))}"
    )
