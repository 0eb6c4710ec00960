"""The first difference between two models in canonical form, with the names of their states and observations."""

from __future__ import annotations

import json
import math
import re
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ..ui.format import plural

Read: TypeAlias = Callable[[str], bytes]

_SHAPES = (
    "num_obs",
    "num_states",
    "num_controls",
    "num_policies",
    "policy_len",
    "A_dependencies",
    "B_dependencies",
    "B_action_dependencies",
    "C_time_varying",
    "inductive_lengths",
)
_HEX = re.compile(r"-?0x[01]\.[0-9a-f]+p[+-]\d+\Z")
_TENSOR = re.compile(r"(pA|pB|A|B|C|D|I)(\d+)\.f64\Z")
_COUNTED = 1 << 23  # bytes of a tensor up to which all its differences are counted
_TOLERANCE = 1e-9


def model_difference(
    before: tuple[Mapping[str, object], Read],
    after: tuple[Mapping[str, object], Read],
    labels: bytes,
) -> str:
    """What differs first in two folders of a model, each its names (what they hold is compared) and a way to read them.

    `labels` is the labels.json of the model. Empty where nothing differs, or the files are no model.
    """
    (old, read_old), (new, read_new) = before, after
    try:
        head, head_after = json.loads(read_old("model.json")), json.loads(read_new("model.json"))
        said = [
            f"{key} {_plain(head.get(key))} -> {_plain(head_after.get(key))}"
            for key in sorted(head.keys() | head_after.keys())
            if head.get(key) != head_after.get(key)
        ]
        if any(head.get(key) != head_after.get(key) for key in _SHAPES):
            return _first(said, len(said), "parameter")
        axes, count, entry = _Axes(head_after, json.loads(labels)), 0, ""
        for name in sorted(old.keys() & new.keys() - {"model.json"}):
            if old[name] != new[name]:
                found, more = _tensor(name, read_old(name), read_new(name), axes)
                entry, count = entry or found, count + more
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return _first([entry] * bool(entry), count, "entry") or _first(said, len(said), "parameter")


def _first(said: list[str], count: int, noun: str) -> str:
    more = plural(count - 1, f"more {noun}").replace("entrys", "entries")
    return (said[0] + (f" (and {more})" if count > 1 else "")) if said else ""


def _tensor(name: str, before: bytes, after: bytes, axes: _Axes) -> tuple[str, int]:
    """The first entry that differs, and how many do; 1 where a large tensor is not counted."""
    if len(before) != len(after):
        return f"{name.partition('.')[0]} has another size", 1
    whole = name.endswith(".i32")
    old, new = _items(before, whole), _items(after, whole)
    places = _places(old, new, 0 if len(before) <= _COUNTED else 1)
    if not places:
        return "", 0
    at = places[0]
    said = f"{int(old[at])} -> {int(new[at])}" if whole else _numbers(old[at], new[at])
    return f"{name.partition('.')[0]}[{', '.join(axes.index(name, at))}] {said}", len(places)


def _items(data: bytes, whole: bool) -> Sequence[float]:
    """The items of a tensor: 32-bit integers, or float64; little-endian."""
    found: array[Any] = array("i" if whole else "d")
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _places(old: Sequence[float], new: Sequence[float], most: int) -> list[int]:
    """Where two tensors differ; only the first `most` places unless it is 0."""
    found: list[int] = []
    for number in range(len(old)):
        if old[number] != new[number]:
            found.append(number)
            if len(found) == most:
                break
    return found


class _Axes:
    """The axes of a model's tensors: for each its length, and the names of its values where they are known."""

    def __init__(self, head: Mapping[str, Any], labels: Mapping[str, Any]) -> None:
        self._head = head
        self._names = {
            kind: [entry.get("elements") for entry in labels[kind]]
            for kind in ("observations", "states", "controls")
        }
        self._controls = [number for number, size in enumerate(head["num_controls"]) if size > 1]

    def index(self, name: str, at: int) -> list[str]:
        """The index of an item of a tensor, axis by axis, by name."""
        parts = []
        for size, names in reversed(list(self._of(name))):
            at, place = divmod(at, size)
            parts.append(names[place] if names else str(place))
        return [*([str(at)] if at or not parts else []), *reversed(parts)]

    def _of(self, name: str) -> Iterator[tuple[int, list[str] | None]]:
        found = _TENSOR.match(name)
        if found is None:
            return
        letter, number = found[1].removeprefix("p"), int(found[2])
        if letter == "C" and self._head["C_time_varying"][number]:
            yield self._head["policy_len"], None
        if letter == "I":
            yield self._head["inductive_lengths"][number], None
        yield self._value("num_obs" if letter in "AC" else "num_states", number)
        for factor in self._head[f"{letter}_dependencies"][number] if letter in "AB" else ():
            yield self._value("num_states", factor)
        for control in self._head["B_action_dependencies"][number] if letter == "B" else ():
            names = (
                self._names["controls"][self._controls.index(control)]
                if control in self._controls
                else None
            )
            yield self._head["num_controls"][control], names

    def _value(self, key: str, number: int) -> tuple[int, list[str] | None]:
        return self._head[key][number], self._names[
            "observations" if key == "num_obs" else "states"
        ][number]


def _plain(value: object) -> str:
    if isinstance(value, str) and _HEX.match(value):
        return f"{float.fromhex(value):g}"
    return json.dumps(value) if value is not None else "nothing"


def _numbers(old: float, new: float) -> str:
    """Two numbers with as few digits as they need, from two decimals on."""
    for digits in (2, 3, 4, 5, 6):
        texts = [f"{value:.{digits}f}" for value in (old, new)]
        near = all(
            math.isclose(float(text), value, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
            for text, value in zip(texts, (old, new))
        )
        if near and texts[0] != texts[1]:
            return " -> ".join(texts)
    texts = [f"{value:.6g}" for value in (old, new)]
    return " -> ".join(texts if texts[0] != texts[1] else [repr(old), repr(new)])
