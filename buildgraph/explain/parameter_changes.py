"""All changes between two models: parameters, and each tensor A, B, C, D, E that differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from .model_diff import (
    SHAPES,
    Axes,
    ModelFiles,
    format_change,
    format_parameter,
    tensor_items,
)

_PLACES = 3
_NAMES = {"pA": "counts of A", "pB": "counts of B", "I": "goals"}


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """A parameter of a model, such as `gamma` or `num_obs`; values as text."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class TensorChange:
    """A tensor that differs, such as `B0`.

    `entries` of its `total` entries differ, by at most `largest`. `first` describes up to three of
    them, such as `B0[left, middle, go] 0.90 -> 0.80`.
    """

    name: str
    entries: int
    total: int
    largest: float
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelChanges:
    """The differences of two models.

    `reshaped` says that shapes differ; then `tensors` is empty, because entries have no
    counterparts.
    """

    parameters: tuple[ParameterChange, ...]
    tensors: tuple[TensorChange, ...]
    reshaped: bool

    @property
    def is_empty(self) -> bool:
        """True if the models are equal."""
        return not (self.parameters or self.tensors)


def model_changes(old: ModelFiles, new: ModelFiles, labels: bytes) -> ModelChanges:
    """Return all differences; `labels` is the labels.json of the newer model.

    Raises ValueError, LookupError or TypeError unless both are models in canonical form.
    """
    head, head_after = json.loads(old.read("model.json")), json.loads(new.read("model.json"))
    parameters = tuple(
        ParameterChange(key, format_parameter(head.get(key)), format_parameter(head_after.get(key)))
        for key in sorted(head.keys() | head_after.keys())
        if head.get(key) != head_after.get(key)
    )
    if any(head.get(key) != head_after.get(key) for key in SHAPES):
        return ModelChanges(parameters, (), True)
    axes = Axes(head_after, json.loads(labels))
    return ModelChanges(parameters, tuple(_tensor_changes(old, new, axes)), False)


def _tensor_changes(old: ModelFiles, new: ModelFiles, axes: Axes) -> Iterator[TensorChange]:
    for name in sorted((old.contents.keys() & new.contents.keys()) - {"model.json"}):
        if old.contents[name] != new.contents[name]:
            before, after = (
                tensor_items(files.read(name), name.endswith(".i32")) for files in (old, new)
            )
            if len(before) != len(after):
                raise ValueError(f"{name} has another size")
            yield _tensor_change(name, before, after, axes)


def _tensor_change(
    name: str, before: Sequence[float], after: Sequence[float], axes: Axes
) -> TensorChange:
    places = [at for at in range(len(before)) if before[at] != after[at]]
    stem = name.partition(".")[0]
    first = tuple(
        f"{stem}[{', '.join(axes.index(name, at))}] {format_change(before[at], after[at])}"
        for at in islice(places, _PLACES)
    )
    largest = max(abs(after[at] - before[at]) for at in places)
    return TensorChange(stem, len(places), len(before), largest, first)


def describe_tensor(change: TensorChange) -> str:
    """Describe a change in one line, such as `B0: 2 of 18 entries, by at most 0.1: ...`."""
    letter = change.name.rstrip("0123456789")
    name = f"{change.name} ({_NAMES[letter]})" if letter in _NAMES else change.name
    more = ", ..." if change.entries > len(change.first) else ""
    return (
        f"{name}: {change.entries} of {change.total} entries, by at most {change.largest:.3g}: "
        f"{', '.join(change.first)}{more}"
    )
