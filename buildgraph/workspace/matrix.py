"""A matrix: one table that declares a target for each combination of some of its values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..types.errors import BuildError
from ..types.label import Label, is_target_name
from ..types.target import Target
from .toml_positions import Path, SubtreePositions

CELLS = 10_000
"""The largest number of cells of a matrix."""


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A value of an axis.

    `name` is appended to the label, and `path` is the key path of the value.
    """

    name: str
    value: Any
    path: Path


def is_matrix(target: Target) -> bool:
    """True if a target has a matrix."""
    return "matrix" in target.values


def matrix_cells(
    target: Target, expand: Callable[[str, Path], Sequence[Label] | None]
) -> list[Target]:
    """The targets of a matrix in the order of its axes, and their group, which has its label.

    `expand(text, path)` returns the labels of a label or pattern, or None for any other text.
    BuildError for an invalid matrix.
    """
    axes = target.values["matrix"]
    if (
        not isinstance(axes, dict)
        or not axes
        or not all(isinstance(axis, list) and axis for axis in axes.values())
    ):
        raise BuildError(
            f"{target.label}: a matrix is a table of lists",
            target.place("matrix"),
            'write it like matrix = { hardware = ["//hardware:*"] }',
            "matrix",
        )
    twice = next((key for key in axes if key in target.values), None)
    if twice is not None:
        raise BuildError(
            f"{target.label}: {twice!r} is in the matrix and beside it",
            target.place(twice),
            "keep one of them",
            "matrix",
        )
    coordinates = [_axis(target, key, values, expand) for key, values in axes.items()]
    members = [_cell(target, tuple(axes), cell) for cell in _product(target, coordinates)]
    group = Target(
        target.label,
        "group",
        {"targets": [str(member.label) for member in members]},
        target.folder,
        target.positions,
    )
    return [*members, group]


def _product(target: Target, axes: list[list[Coordinate]]) -> list[tuple[Coordinate, ...]]:
    count = 1
    for axis in axes:
        count *= len(axis)
    if count > CELLS:
        raise BuildError(
            f"{target.label}: the matrix has {count:,} cells, more than {CELLS:,}",
            target.place("matrix"),
            "remove some values",
            "matrix",
        )
    return list(itertools.product(*axes))


def _axis(
    target: Target,
    key: str,
    values: list[Any],
    expand: Callable[[str, Path], Sequence[Label] | None],
) -> list[Coordinate]:
    coordinates: list[Coordinate] = []
    removed: set[str] = set()
    for index, value in enumerate(values):
        path: Path = ("matrix", key, index)
        negative = isinstance(value, str) and value.startswith(("-//", "-:"))
        labels = expand(value[negative:], path) if isinstance(value, str) else None
        if negative:
            removed.update(map(str, labels or ()))
        elif labels is None:
            coordinates.append(Coordinate(_name(target, value, path), value, path))
        else:
            coordinates += [Coordinate(label.name, str(label), path) for label in labels]
    coordinates = [item for item in coordinates if item.value not in removed]
    if not coordinates:
        raise BuildError(
            f"{target.label}: the matrix has no {key}",
            target.place("matrix", key),
            "add values, or a pattern that matches targets",
            "matrix",
        )
    _check_distinct(target, coordinates)
    return coordinates


def _check_distinct(target: Target, coordinates: list[Coordinate]) -> None:
    names: dict[str, Coordinate] = {}
    for coordinate in coordinates:
        first = names.setdefault(coordinate.name.casefold(), coordinate)
        if first is not coordinate:
            raise BuildError(
                f"{target.label}: two values in the matrix are named {coordinate.name!r}",
                target.place(*coordinate.path),
                f"keep one of {first.value} and {coordinate.value}",
                "matrix",
            )


def _name(target: Target, value: object, path: Path) -> str:
    name = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, (dict, list)) or not is_target_name(name):
        raise BuildError(
            f"{target.label}: {name!r} cannot be part of a label",
            target.place(*path),
            "labels are made of the letters a-z and A-Z, digits and . _ + -",
            "matrix",
        )
    return name


def _cell(target: Target, keys: tuple[str, ...], cell: tuple[Coordinate, ...]) -> Target:
    names = [target.label.name, *(coordinate.name for coordinate in cell)]
    label = Label(target.label.package, ".".join(names))
    values = {key: value for key, value in target.values.items() if key != "matrix"}
    pairs = list(zip(keys, cell, strict=True))
    values |= {key: coordinate.value for key, coordinate in pairs}
    moved: dict[Path, Path] = {(key,): coordinate.path for key, coordinate in pairs}
    return Target(
        label,
        target.rule,
        values,
        target.folder,
        SubtreePositions(target.positions, (), moved),
        target.nested,
    )
