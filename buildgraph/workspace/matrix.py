"""A matrix: one table that stands for a target for each combination of some of its values."""

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


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One value of an axis: what the label gets after a dot, the value itself, and where it was written."""

    name: str
    value: Any
    path: Path


def is_matrix(target: Target) -> bool:
    """Whether a target stands for several."""
    return "matrix" in target.values


def matrix_cells(
    target: Target, expand: Callable[[str, Path], Sequence[Label] | None]
) -> list[Target]:
    """The targets of a matrix in the order of its axes, then the group that the bare label names.

    `expand(text, path)` gives the labels that a text means, or None when it is no label; BuildError on a bad matrix.
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
            'such as matrix = { hardware = ["//hardware:*"] }',
            "matrix",
        )
    twice = next((key for key in axes if key in target.values), None)
    if twice is not None:
        raise BuildError(
            f"{target.label}: {twice!r} stands in the matrix and beside it",
            target.place(twice),
            "keep one of them",
            "matrix",
        )
    lines = [_axis(target, key, values, expand) for key, values in axes.items()]
    made = [_cell(target, tuple(axes), cell) for cell in _product(target, lines)]
    group = Target(
        target.label,
        "group",
        {"targets": [str(cell.label) for cell in made]},
        target.folder,
        target.positions,
    )
    return [*made, group]


def _product(target: Target, lines: list[list[Coordinate]]) -> list[tuple[Coordinate, ...]]:
    count = 1
    for line in lines:
        count *= len(line)
    if count > CELLS:
        raise BuildError(
            f"{target.label}: the matrix has {count:,} cells, more than {CELLS:,}",
            target.place("matrix"),
            "take some values away",
            "matrix",
        )
    return list(itertools.product(*lines))


def _axis(
    target: Target,
    key: str,
    values: list[Any],
    expand: Callable[[str, Path], Sequence[Label] | None],
) -> list[Coordinate]:
    found: list[Coordinate] = []
    gone: set[Label] = set()
    for index, value in enumerate(values):
        path: Path = ("matrix", key, index)
        negative = isinstance(value, str) and value.startswith(("-//", "-:"))
        labels = expand(value[negative:], path) if isinstance(value, str) else None
        if negative:
            gone.update(labels or ())
        elif labels is None:
            found.append(Coordinate(_name(target, value, path), value, path))
        else:
            found += [Coordinate(label.name, str(label), path) for label in labels]
    found = [one for one in found if not (gone and one.value in set(map(str, gone)))]
    if not found:
        raise BuildError(
            f"{target.label}: the matrix has no {key}",
            target.place("matrix", key),
            "name some, or a pattern that finds some",
            "matrix",
        )
    _distinct(target, found)
    return found


def _distinct(target: Target, found: list[Coordinate]) -> None:
    seen: dict[str, Coordinate] = {}
    for one in found:
        other = seen.setdefault(one.name.casefold(), one)
        if other is not one:
            raise BuildError(
                f"{target.label}: two values in the matrix named {one.name!r}",
                target.place(*one.path),
                f"keep one of {other.value} and {one.value}",
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
    label = Label(target.label.package, ".".join([target.label.name, *(one.name for one in cell)]))
    values = {key: value for key, value in target.values.items() if key != "matrix"}
    values |= {key: one.value for key, one in zip(keys, cell, strict=True)}
    moved: dict[Path, Path] = {(key,): one.path for key, one in zip(keys, cell, strict=True)}
    return Target(
        label,
        target.rule,
        values,
        target.folder,
        SubtreePositions(target.positions, (), moved),
        target.nested,
    )
