"""Action `ingest_pomdp`: a POMDP in Cassandra's text format -> IR folder and labels.json.

    python3 ingest_pomdp.py --source FILE.pomdp [--preferences JSON] [--inference JSON] --out DIR [--labels FILE]

T becomes B and O becomes A. The agent's first observation is of the state that `start` describes. Where observations
depend on the action, a second factor remembers the last action; before the first one it is `none`, and what is seen
then tells nothing. Rewards become preferences C, discounted over the policy, only where what is seen tells the reward,
for then the expected utility is the expected reward; else they are refused, and `--preferences` says others.
"""
from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent_model import F64, ModelFault
from ingest import read_json
from ir_rules import COLUMN_TOLERANCE
from model_source import Source, resolve
from model_text import Made, read_text, told, unrounded
from model_words import meant
from pomdp_text import Names, Pomdp, Reward, parse

MAX_EVENTS = 1 << 25
SHOWN = 3
NO_ACTION = "none"
WAY_OUT = ('say what the agent prefers to see instead: preferences = { observation = 1.0, .. } (nats), '
           'or preferences = {} for nothing')


def source_of(model: Pomdp, preferences: Mapping[str, Any] | None, policy_len: int) -> Source:
    """The model in pymdp's shapes and words; ModelFault when probabilities or rewards have no place there."""
    T = np.moveaxis(unrounded(np.moveaxis(model.T, 2, 0)), 0, 2)
    seen = np.moveaxis(unrounded(np.moveaxis(model.seen, 2, 0)), 0, 2)
    start = unrounded(model.start)
    faults = [*_sums("T", T, (model.actions, model.states)), *_sums("O", seen, (model.actions, model.states)),
              *_sums("start", start, ())]
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
    C = _rewards(model, T, seen, policy_len) if preferences is None else _said(model.observations, preferences)
    return Source(A=[A], B=B, C=[C], D=D, spec=_labels(model, acts))


def _remembering(actions: int) -> F64:
    """B of the factor that holds the last action: whatever it was, it becomes the one taken; 0 is none yet."""
    table = np.zeros((actions + 1, actions + 1, actions))
    for action in range(actions):
        table[action + 1, :, action] = 1.0
    return table


def _sums(name: str, table: F64, axes: Sequence[Names]) -> list[str]:
    """Rows (along the last axis) that are no distribution, in the words of the file."""
    faults = []
    off = np.argwhere((np.abs(table.sum(axis=-1) - 1.0) > COLUMN_TOLERANCE) | np.any(table < 0.0, axis=-1))
    for index in off[:SHOWN]:
        row = table[tuple(index)]
        where = " : ".join(_name(axis, int(i)) for axis, i in zip(axes, index, strict=True))
        place = f"{name}: {where}" if where else name
        if np.any(row < 0.0):
            faults.append(f"{place} holds {float(row.min())!r}, which is negative")
        else:
            faults.append(f"{place} sums to {math.fsum(row.tolist())!r}, not to 1{'' if row.any() else ': it is not said'}")
    return faults + [f"{name}: {len(off) - SHOWN} more rows do not sum to 1"] * (len(off) > SHOWN)


def _name(names: Names, index: int) -> str:
    return names.elements[index] if names.elements else str(index)


def _rewards(model: Pomdp, T: F64, seen: F64, policy_len: int) -> F64:
    """C: the reward that each observation tells; per step of the policy where the discount makes a difference."""
    count = model.observations.size
    if not model.rewards:
        return np.zeros(count)
    if model.states.size ** 2 * count > MAX_EVENTS:
        raise ModelFault([f"R: {model.states.size} states are too many to look at every reward: {WAY_OUT}"])
    first: list[tuple[float, str] | None] = [None] * count
    for action in range(model.actions.size):
        table = _dense(model.rewards, action, (model.states.size, model.states.size, count))
        possible = (T[action][:, :, None] > 0.0) & (seen[action][None, :, :] > 0.0)
        for o in range(count):
            _agree(model, (action, o), table[:, :, o], possible[:, :, o], first)
    sign = -1.0 if model.cost else 1.0
    C = np.array([0.0 if found is None else sign * found[0] for found in first])
    if policy_len < 2 or model.discount == 1.0 or not C.any():
        return C
    steps = [C]
    for _ in range(policy_len - 1):
        steps.append(steps[-1] * model.discount)
    return np.stack(steps)


def _dense(rewards: Sequence[Reward], action: int, shape: tuple[int, int, int]) -> F64:
    """Rewards of an action over start, end and observation; later statements win."""
    table = np.zeros(shape)
    for one in rewards:
        if one.action == action or isinstance(one.action, slice):
            table[one.start, one.end, one.seen] = one.values
    return table


def _agree(model: Pomdp, event: tuple[int, int], table: F64, possible: Any,
           first: list[tuple[float, str] | None]) -> None:
    """Every possible event with this observation must bring the same reward as those before; ModelFault otherwise."""
    action, o = event
    places = np.argwhere(possible)
    if not len(places):
        return
    values = table[possible]
    known = first[o] or (float(values[0]), _event(model, action, places[0]))
    first[o] = known
    odd = np.flatnonzero(values != known[0])
    if len(odd):
        raise ModelFault([f"R cannot become preferences: {_name(model.observations, o)!r} is seen with reward "
                          f"{known[0]!r} ({known[1]}) and with {float(values[odd[0]])!r} "
                          f"({_event(model, action, places[odd[0]])}), so what is seen does not tell it: {WAY_OUT}"])


def _event(model: Pomdp, action: int, ends: Any) -> str:
    return (f"{_name(model.actions, action)} from {_name(model.states, int(ends[0]))} "
            f"to {_name(model.states, int(ends[1]))}")


def _said(names: Names, preferences: Mapping[str, Any]) -> F64:
    """C as the caller says it, observations that are not named at 0."""
    index = {_name(names, i): i for i in range(names.size)}
    found = np.zeros(names.size)
    faults = []
    for word, value in preferences.items():
        if word not in index:
            faults.append(f"preferences: no observation {word!r}{meant(word, list(index)[:50])}")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
            faults.append(f"preferences: {word} = {value!r} is not a number")
        else:
            found[index[word]] = float(value)
    if faults:
        raise ModelFault(faults)
    return found


def _labels(model: Pomdp, acts: bool) -> dict[str, Any]:
    remembered = (NO_ACTION, *(_name(model.actions, i) for i in range(model.actions.size)))
    states = {"state": _axis(model.states, depends_on=["state"], controlled_by=["action"])}
    if acts:
        states["last_action"] = _axis(Names(len(remembered), remembered), depends_on=["last_action"],
                                      controlled_by=["action"])
    return {"observations": {"observation": _axis(model.observations, depends_on=list(states))}, "states": states,
            "controls": {"action": _axis(model.actions)}}


def _axis(names: Names, **lists: list[str]) -> dict[str, Any]:
    return {"size": names.size} | ({"elements": list(names.elements)} if names.elements else {}) | lists


def make(source: Path, preferences: str | None, inference: str) -> Made:
    """The model and its labels; ModelFault with every reason why not."""
    overrides = read_json(inference, "--inference")
    wanted = None if preferences is None else read_json(preferences, "--preferences")
    length = overrides.get("policy_len")
    longest = min(length, 1 << 10) if type(length) is int else 1
    return resolve(source_of(parse(read_text(source)), wanted, longest), overrides)


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one message on stderr that lists every fault."""
    parser = argparse.ArgumentParser(prog="ingest_pomdp", description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--preferences")
    parser.add_argument("--inference", default="{}")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    args = parser.parse_args(argv)
    return told(args.source, lambda: make(args.source, args.preferences, args.inference), args.out, args.labels)


if __name__ == "__main__":
    sys.exit(main())
