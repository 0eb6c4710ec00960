"""Import a POMDP in Cassandra's text format.

T becomes B and O becomes A. The agent's first observation is of the state that `start` describes.
If observations depend on the action, a second factor remembers the last action. Before the first
action its value is `none`, and the observation is uninformative. Rewards become preferences C,
discounted over the policy, if observations determine the reward. Otherwise the reward is a modality
of its own (see rewards.py). `--preferences` replaces the rewards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers.json_input import read_json
from agentc.importers.main import ModelAndLabels
from agentc.importers.parameters import format_suggestion
from agentc.importers.pomdp.parser import Names, Pomdp, parse
from agentc.importers.pomdp.rewards import (
    WAY_OUT,
    RewardLevels,
    RewardOptions,
    by_observation,
    check_size,
    over_time,
    reward_levels,
)
from agentc.importers.resolve import ModelSource, resolve
from agentc.importers.text_input import read_text
from agentc.ir.columns import describe_sum, off_columns, renormalise_rounded
from agentc.ir.types import F64, ModelError

SHOWN = 3
SHOWN_LEVELS = 8
NO_ACTION = "none"


def source_of(
    model: Pomdp,
    preferences: Mapping[str, Any] | None,
    policy_len: int,
    rewards: RewardOptions = RewardOptions(),
) -> ModelSource:
    """Return the model in pymdp's shapes and names; ModelError lists all errors."""
    T = np.moveaxis(renormalise_rounded(np.moveaxis(model.T, 2, 0)), 0, 2)
    seen = np.moveaxis(renormalise_rounded(np.moveaxis(model.seen, 2, 0)), 0, 2)
    start = renormalise_rounded(model.start)
    errors = [
        *_sum_errors("T", T, (model.actions, model.states)),
        *_sum_errors("O", seen, (model.actions, model.states)),
        *_sum_errors("start", start, ()),
    ]
    if errors:
        raise ModelError(errors)
    acts = bool(np.any(seen != seen[0]))
    B = [np.transpose(T, (2, 1, 0))]
    A = np.transpose(seen, (2, 1, 0)) if acts else seen[0].T
    D = [start]
    if acts:
        A = np.concatenate([np.full((*A.shape[:2], 1), 1.0) / A.shape[0], A], axis=2)
        B.append(_last_action_transitions(model.actions.size))
        D.append(np.eye(model.actions.size + 1)[0])
    if preferences is not None:
        C = _preferences(model.observations, preferences)
        return ModelSource(A=[A], B=B, C=[C], D=D, spec=_labels(model, acts))
    C, observed_rewards = _rewards(model, T, seen, rewards)
    C = over_time(C * rewards.scale, model.discount, policy_len)
    if observed_rewards is None:
        return ModelSource(A=[A], B=B, C=[C], D=D, spec=_labels(model, acts))
    alone = {} if rewards.gain else {"utility_only": [1]}
    first = np.eye(len(observed_rewards.names))[0]
    return ModelSource(
        A=[A, np.eye(len(observed_rewards.names))],
        B=[*B, observed_rewards.transitions()],
        C=[np.zeros(model.observations.size), C],
        D=[*D, first],
        spec=_with_levels(_labels(model, acts), observed_rewards) | alone,
    )


def _rewards(
    model: Pomdp, T: F64, seen: F64, wanted: RewardOptions
) -> tuple[F64, RewardLevels | None]:
    """Return C over observations, or C over observed reward levels and these levels."""
    check_size(model)
    C, reason = by_observation(model, T, seen) if wanted.kind != "observed" else (np.zeros(0), "")
    if reason and wanted.kind == "preferences":
        raise ModelError(
            [f'{reason}: rewards = "observed" makes the reward an observation; or {WAY_OUT}']
        )
    if not model.rewards or (wanted.kind != "observed" and not reason):
        return C if model.rewards else np.zeros(model.observations.size), None
    observed_rewards = reward_levels(model, T, seen)
    return np.concatenate([[0.0], observed_rewards.values]), observed_rewards


def _last_action_transitions(actions: int) -> F64:
    """Return B of the factor of the last action: any value becomes the action taken; 0 is none."""
    table = np.zeros((actions + 1, actions + 1, actions))
    for action in range(actions):
        table[action + 1, :, action] = 1.0
    return table


def _sum_errors(name: str, table: F64, axes: Sequence[Names]) -> list[str]:
    """Return the rows (along the last axis) that are no distribution, with the file's names."""
    errors = []
    off = np.argwhere(off_columns(np.moveaxis(table, -1, 0)) | np.any(table < 0.0, axis=-1))
    for index in off[:SHOWN]:
        row = table[tuple(index)]
        where = " : ".join(axis.name(int(i)) for axis, i in zip(axes, index, strict=True))
        place = f"{name}: {where}" if where else name
        if np.any(row < 0.0):
            errors.append(f"{place} holds {float(row.min())!r}, which is negative")
        else:
            errors.append(
                f"{place} {describe_sum(math.fsum(row.tolist()), len(row))}"
                if row.any()
                else f"{place} sums to 0.0, not to 1: it is not declared"
            )
    return errors + [f"{name}: {len(off) - SHOWN} more rows do not sum to 1"] * (len(off) > SHOWN)


def _preferences(names: Names, preferences: Mapping[str, Any]) -> F64:
    """Return C from the user's preferences, 0 for observations that are not named."""
    index = {names.name(i): i for i in range(names.size)}
    vector = np.zeros(names.size)
    errors = []
    for word, value in preferences.items():
        if word not in index:
            errors.append(
                f"preferences: no observation {word!r}{format_suggestion(word, list(index)[:50])}"
            )
        elif (
            isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300
        ):
            errors.append(f"preferences: {word} = {value!r} is not a number")
        else:
            vector[index[word]] = float(value)
    if errors:
        raise ModelError(errors)
    return vector


def _labels(model: Pomdp, acts: bool) -> dict[str, Any]:
    remembered = (NO_ACTION, *(model.actions.name(i) for i in range(model.actions.size)))
    states = {"state": _axis(model.states, depends_on=["state"], controlled_by=["action"])}
    if acts:
        states["last_action"] = _axis(
            Names(len(remembered), remembered), depends_on=["last_action"], controlled_by=["action"]
        )
    return {
        "observations": {"observation": _axis(model.observations, depends_on=list(states))},
        "states": states,
        "controls": {"action": _axis(model.actions)},
    }


def _with_levels(labels: dict[str, Any], rewards: RewardLevels) -> dict[str, Any]:
    """Add the observed reward to the labels: a modality that depends on its own factor."""
    level = Names(len(rewards.names), rewards.names)
    observations = labels["observations"] | {"reward": _axis(level, depends_on=["reward"])}
    states = labels["states"] | {
        "reward": _axis(level, depends_on=["state", "reward"], controlled_by=["action"])
    }
    return labels | {"observations": observations, "states": states}


def _axis(names: Names, **lists: list[str]) -> dict[str, Any]:
    return (
        {"size": names.size}
        | ({"elements": list(names.elements)} if names.elements else {})
        | lists
    )


def make(
    source: Path, preferences: str | None, inference: str, rewards: RewardOptions = RewardOptions()
) -> ModelAndLabels:
    """Return the model and its labels, with the rewards if observed; ModelError lists all
    errors.
    """
    overrides = read_json(inference, "--inference")
    wanted = None if preferences is None else read_json(preferences, "--preferences")
    length = overrides.get("policy_len")
    longest = min(length, 1 << 10) if type(length) is int else 1
    model_source = source_of(parse(read_text(source)), wanted, longest, rewards)
    model, labels = resolve(model_source, overrides)
    if len(model.A) > 1:
        labels["rewards"] = {
            "kind": "observed",
            "levels": list(model_source.spec["observations"]["reward"]["elements"][1:]),
            "scale": rewards.scale,
            "information_gain": rewards.gain and model.use_states_info_gain,
        }
    return model, labels


def print_rewards(pair: ModelAndLabels) -> ModelAndLabels:
    """Print the treatment of observed rewards; return the argument."""
    if "rewards" in pair[1]:
        print(f"rewards: {format_rewards(pair[1]['rewards'])}")
    return pair


def format_rewards(facts: Mapping[str, Any]) -> str:
    """Describe the observed reward in one line."""
    some = ", ".join(facts["levels"][:SHOWN_LEVELS]) + (
        ", .." if len(facts["levels"]) > SHOWN_LEVELS else ""
    )
    gain = (
        "its information gain counts"
        if facts["information_gain"]
        else "its information gain does not count"
    )
    return (
        f"observed, {len(facts['levels'])} levels ({some}) by state and action, scale "
        f"{facts['scale']:g}, {gain}"
    )
