"""The first difference between two models in canonical form, by named states and observations."""

from __future__ import annotations

import json
import math
import re
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ui.format import plural

SHAPES = (
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
"""Parameters on which the shapes of the tensors depend."""
_HEX = re.compile(r"-?0x[01]\.[0-9a-f]+p[+-]\d+\Z")
_TENSOR = re.compile(r"(pA|pB|A|B|C|D|I)(\d+)\.f64\Z")
_COUNTED = 1 << 23  # bytes; of larger tensors only the first difference is counted
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of a model: `contents` maps each name to a value that is equal for equal bytes."""

    contents: Mapping[str, object]
    read: Callable[[str], bytes]


def model_difference(old: ModelFiles, new: ModelFiles, labels: bytes) -> str:
    """Describe the first difference between two models.

    `labels` is the labels.json of the newer model. Returns '' if the models are equal or the files
    are not a model. Parameters are compared only if no tensor differs, or if a shape does.
    """
    try:
        head, head_after = json.loads(old.read("model.json")), json.loads(new.read("model.json"))
        parameters = [
            f"{key} {format_parameter(head.get(key))} -> {format_parameter(head_after.get(key))}"
            for key in sorted(head.keys() | head_after.keys())
            if head.get(key) != head_after.get(key)
        ]
        if any(head.get(key) != head_after.get(key) for key in SHAPES):
            return _format_first(parameters[0], len(parameters), "parameter")
        axes = Axes(head_after, json.loads(labels))
        entry, count = _diff_tensors(old, new, axes)
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    if entry:
        return _format_first(entry, count, "entry")
    return _format_first(parameters[0], len(parameters), "parameter") if parameters else ""


def _format_first(text: str, count: int, noun: str) -> str:
    more = plural(count - 1, f"more {noun}").replace("entrys", "entries")
    return text + (f" (and {more})" if count > 1 else "")


def _diff_tensors(old: ModelFiles, new: ModelFiles, axes: Axes) -> tuple[str, int]:
    """Return (description of the first entry that differs, number of entries that differ)."""
    entry, count = "", 0
    for name in sorted(old.contents.keys() & new.contents.keys() - {"model.json"}):
        if old.contents[name] != new.contents[name]:
            text, more = _diff_tensor(name, old.read(name), new.read(name), axes)
            entry, count = entry or text, count + more
    return entry, count


def _diff_tensor(name: str, before: bytes, after: bytes, axes: Axes) -> tuple[str, int]:
    """Like `_diff_tensors`, for one tensor; a large tensor counts 1."""
    stem = name.partition(".")[0]
    if len(before) != len(after):
        return f"{stem} has another size", 1
    is_integer = name.endswith(".i32")
    old, new = tensor_items(before, is_integer), tensor_items(after, is_integer)
    places = _places(old, new, 0 if len(before) <= _COUNTED else 1)
    if not places:
        return "", 0
    at = places[0]
    values = f"{int(old[at])} -> {int(new[at])}" if is_integer else format_change(old[at], new[at])
    return f"{stem}[{', '.join(axes.index(name, at))}] {values}", len(places)


def tensor_items(data: bytes, is_integer: bool) -> Sequence[float]:
    """Decode a tensor: little-endian, int32 or float64."""
    items: array[Any] = array("i" if is_integer else "d")
    items.frombytes(data)
    if sys.byteorder == "big":
        items.byteswap()
    return items


def _places(old: Sequence[float], new: Sequence[float], limit: int) -> list[int]:
    """Return the positions at which two tensors differ, at most `limit` of them (0: all)."""
    places: list[int] = []
    for number in range(len(old)):
        if old[number] != new[number]:
            places.append(number)
            if len(places) == limit:
                break
    return places


class Axes:
    """The axes of a model's tensors: the length of each, and the names of its values if known."""

    def __init__(self, head: Mapping[str, Any], labels: Mapping[str, Any]) -> None:
        self._head = head
        self._names = {
            kind: [entry.get("elements") for entry in labels[kind]]
            for kind in ("observations", "states", "controls")
        }
        self._controls = [number for number, size in enumerate(head["num_controls"]) if size > 1]

    def index(self, name: str, at: int) -> list[str]:
        """Return the index of item `at` of a tensor: a name or number for each axis."""
        parts = []
        for size, names in reversed(list(self._axes_of(name))):
            at, place = divmod(at, size)
            parts.append(names[place] if names else str(place))
        return [*([str(at)] if at or not parts else []), *reversed(parts)]

    def _axes_of(self, name: str) -> Iterator[tuple[int, list[str] | None]]:
        """Yield (length, names of its values) of each axis of a tensor, outermost first."""
        match = _TENSOR.match(name)
        if match is None:
            return
        letter, number = match[1].removeprefix("p"), int(match[2])
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
        kind = "observations" if key == "num_obs" else "states"
        return self._head[key][number], self._names[kind][number]


def format_parameter(value: object) -> str:
    """Format a value of model.json; floats in hexadecimal become decimal."""
    if isinstance(value, str) and _HEX.match(value):
        return f"{float.fromhex(value):g}"
    return json.dumps(value) if value is not None else "nothing"


def format_change(old: float, new: float) -> str:
    """Format two numbers with as few decimals as show the difference, at least two."""
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
