"""Action `ingest_pomdp`: a POMDP in Cassandra's text format -> IR folder and labels.json.

    python3 import_pomdp.py --source FILE.pomdp [--preferences JSON] [--rewards observed|preferences]
        [--reward-scale NATS] [--reward-gain] [--inference JSON] --out DIR [--labels FILE]

T becomes B and O becomes A. The agent's first observation is of the state that `start` describes. Where observations
depend on the action, a second factor remembers the last action; before the first one it is `none`, and what is seen
then tells nothing. Rewards become preferences C, discounted over the policy, where what is seen tells the reward; elsewhere
the reward is observed, as a modality of its own (see rewards.py). `--preferences` says others in their place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers.json_input import read_json
from agentc.importers.main import Made
from agentc.importers.parameters import meant
from agentc.importers.pomdp.parser import Names, Pomdp, parse
from agentc.importers.pomdp.rewards import (
    WAY_OUT,
    Levels,
    Wanted,
    bounded,
    by_observation,
    levels,
    over_time,
)
from agentc.importers.resolve import Source, resolve
from agentc.importers.text_input import read_text
from agentc.ir.types import F64, ModelFault
from agentc.ir.validate import not_one, off_columns, unrounded

SHOWN = 3
SHOWN_LEVELS = 8
NO_ACTION = "none"


def source_of(
    model: Pomdp, preferences: Mapping[str, Any] | None, policy_len: int, rewards: Wanted = Wanted()
) -> Source:
    """The model in pymdp's shapes and words; ModelFault when probabilities or rewards have no place there."""
    T = np.moveaxis(unrounded(np.moveaxis(model.T, 2, 0)), 0, 2)
    seen = np.moveaxis(unrounded(np.moveaxis(model.seen, 2, 0)), 0, 2)
    start = unrounded(model.start)
    faults = [
        *_sums("T", T, (model.actions, model.states)),
        *_sums("O", seen, (model.actions, model.states)),
        *_sums("start", start, ()),
    ]
    if faults:
        raise ModelFault(faults)
    acts = bool(np.any(seen != seen[0]))
    B = [np.transpose(T, (2, 1, 0))]
    A = np.transpose(seen, (2, 1, 0)) if acts else seen[0].T
    D = [start]
    if acts:
        A = np.concatenate([np.full((*A.shape[:2], 1), 1.0) / A.shape[0], A], axis=2)
        B.append(_remembering(model.actions.size))
        D.append(np.eye(model.actions.size + 1)[0])
    if preferences is not None:
        return Source(
            A=[A], B=B, C=[_said(model.observations, preferences)], D=D, spec=_labels(model, acts)
        )
    C, found = _rewards(model, T, seen, rewards)
    C = over_time(C * rewards.scale, model.discount, policy_len)
    if found is None:
        return Source(A=[A], B=B, C=[C], D=D, spec=_labels(model, acts))
    alone = {} if rewards.gain else {"utility_only": [1]}
    first = np.eye(len(found.names))[0]
    return Source(
        A=[A, np.eye(len(found.names))],
        B=[*B, found.transitions()],
        C=[np.zeros(model.observations.size), C],
        D=[*D, first],
        spec=_with_levels(_labels(model, acts), found) | alone,
    )


def _rewards(model: Pomdp, T: F64, seen: F64, wanted: Wanted) -> tuple[F64, Levels | None]:
    """C over the observations; or C over the levels of an observed reward, and the levels."""
    bounded(model)
    C, reason = by_observation(model, T, seen) if wanted.kind != "observed" else (np.zeros(0), "")
    if reason and wanted.kind == "preferences":
        raise ModelFault(
            [f'{reason}: rewards = "observed" makes the reward an observation; or {WAY_OUT}']
        )
    if not model.rewards or (wanted.kind != "observed" and not reason):
        return C if model.rewards else np.zeros(model.observations.size), None
    found = levels(model, T, seen)
    return np.concatenate([[0.0], found.values]), found


def _remembering(actions: int) -> F64:
    """B of the factor that holds the last action: whatever it was, it becomes the one taken; 0 is none yet."""
    table = np.zeros((actions + 1, actions + 1, actions))
    for action in range(actions):
        table[action + 1, :, action] = 1.0
    return table


def _sums(name: str, table: F64, axes: Sequence[Names]) -> list[str]:
    """Rows (along the last axis) that are no distribution, in the words of the file."""
    faults = []
    off = np.argwhere(off_columns(np.moveaxis(table, -1, 0)) | np.any(table < 0.0, axis=-1))
    for index in off[:SHOWN]:
        row = table[tuple(index)]
        where = " : ".join(axis.name(int(i)) for axis, i in zip(axes, index, strict=True))
        place = f"{name}: {where}" if where else name
        if np.any(row < 0.0):
            faults.append(f"{place} holds {float(row.min())!r}, which is negative")
        else:
            faults.append(
                f"{place} {not_one(math.fsum(row.tolist()), len(row))}"
                if row.any()
                else f"{place} sums to 0.0, not to 1: it is not said"
            )
    return faults + [f"{name}: {len(off) - SHOWN} more rows do not sum to 1"] * (len(off) > SHOWN)


def _said(names: Names, preferences: Mapping[str, Any]) -> F64:
    """C as the caller says it, observations that are not named at 0."""
    index = {names.name(i): i for i in range(names.size)}
    found = np.zeros(names.size)
    faults = []
    for word, value in preferences.items():
        if word not in index:
            faults.append(f"preferences: no observation {word!r}{meant(word, list(index)[:50])}")
        elif (
            isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300
        ):
            faults.append(f"preferences: {word} = {value!r} is not a number")
        else:
            found[index[word]] = float(value)
    if faults:
        raise ModelFault(faults)
    return found


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


def _with_levels(labels: dict[str, Any], found: Levels) -> dict[str, Any]:
    """The labels with the observed reward: a modality that reads its own factor, which reads the state before."""
    level = Names(len(found.names), found.names)
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


def make(source: Path, preferences: str | None, inference: str, rewards: Wanted = Wanted()) -> Made:
    """The model and its labels, which say how the reward is observed if it is; ModelFault with every reason why not."""
    overrides = read_json(inference, "--inference")
    wanted = None if preferences is None else read_json(preferences, "--preferences")
    length = overrides.get("policy_len")
    longest = min(length, 1 << 10) if type(length) is int else 1
    found = source_of(parse(read_text(source)), wanted, longest, rewards)
    model, labels = resolve(found, overrides)
    if len(model.A) > 1:
        labels["rewards"] = {
            "kind": "observed",
            "levels": list(found.spec["observations"]["reward"]["elements"][1:]),
            "scale": rewards.scale,
            "information_gain": rewards.gain and model.use_states_info_gain,
        }
    return model, labels


def announced(made: Made) -> Made:
    """The same; what became of the rewards is printed where that is not what the file's own observations say."""
    if "rewards" in made[1]:
        print(f"rewards: {rewards_text(made[1]['rewards'])}")
    return made


def rewards_text(facts: Mapping[str, Any]) -> str:
    """How the reward is observed, as one line."""
    some = ", ".join(facts["levels"][:SHOWN_LEVELS]) + (
        ", .." if len(facts["levels"]) > SHOWN_LEVELS else ""
    )
    gain = (
        "its information gain counts"
        if facts["information_gain"]
        else "its information gain does not count"
    )
    return f"observed, {len(facts['levels'])} levels ({some}) by state and action, scale {facts['scale']:g}, {gain}"
