"""Roles of the variables of a GNN file: modalities, factors, controls and their dependencies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agentc.importers.gnn.parser import Gnn
from agentc.ir.types import F64, ModelError

MATRIX = re.compile(r"([ABCDE])(?:_(\w+)|([0-9]+))?")
STATE = re.compile(r"s(?:_\w+|[0-9]+)?")
CONTROL = re.compile(r"u(?:_\w+|[0-9]+)?")
LATER = re.compile(r"s_?(?:prime|next)\w*|s\w*_(?:prime|next)")


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """One A or B with its values, its suffix (`loc` of A_loc) and its own variable."""

    name: str
    suffix: str
    own: str
    values: F64


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Modalities and factors in the order of StateSpaceBlock, and the names connected to each
    matrix.
    """

    modalities: tuple[Matrix, ...]
    factors: tuple[Matrix, ...]
    near: Mapping[str, frozenset[str]]
    rest: Mapping[str, F64]  # C, D and E by name


def structure_of(model: Gnn) -> Structure:
    """Assign roles; ModelError if a matrix lacks values, or values lack a matrix."""
    named = {
        name: match
        for name in [*model.variables, *model.values]
        if (match := MATRIX.fullmatch(name))
    }
    near = _near(model)
    errors = [
        f"{name} is declared and has no values in InitialParameterization"
        for name in named
        if name not in model.values
    ]
    errors += [
        f"{name} is declared with the sizes {_declared(model, name)} and written with "
        f"{model.values[name].shape}"
        for name in named
        if name in model.values and _contradicts(model, name)
    ]
    errors += [
        f"no {letter} with values: an agent needs {what}"
        for letter, what in (
            ("A", "what it observes in each state"),
            ("B", "how its states change"),
        )
        if not any(match[1] == letter for match in named.values())
    ]
    if errors:
        raise ModelError(errors)
    matrices = {
        letter: tuple(
            _matrix(model, near, name, match) for name, match in named.items() if match[1] == letter
        )
        for letter in "AB"
    }
    rest = {name: model.values[name] for name, match in named.items() if match[1] in "CDE"}
    return Structure(matrices["A"], matrices["B"], near, rest)


def of_suffix(structure: Structure, letter: str, suffix: str, alone: bool) -> F64 | None:
    """Return the C or D of a matrix: by its suffix, or the only one if there is one matrix."""
    candidates = {
        name: match
        for name in structure.rest
        if (match := MATRIX.fullmatch(name)) and match[1] == letter
    }
    for name, match in candidates.items():
        if _suffix(match) == suffix or (alone and len(candidates) == 1):
            return structure.rest[name]
    return None


def unclaimed(structure: Structure) -> list[str]:
    """Return an error for each C, D or E without a matrix."""
    known = {
        "C": {one.suffix for one in structure.modalities},
        "D": {one.suffix for one in structure.factors},
        "E": {""},
    }
    count = {letter: sum(name[0] == letter for name in structure.rest) for letter in "CDE"}
    whole = {"C": structure.modalities, "D": structure.factors, "E": ("",)}
    return [
        f"{name} belongs to no { {'C': 'A', 'D': 'B', 'E': 'policy'}[name[0]] } of this name"
        for name in structure.rest
        if (match := MATRIX.fullmatch(name))
        and _suffix(match) not in known[name[0]]
        and not (count[name[0]] == len(whole[name[0]]) == 1)
    ]


def parents(structure: Structure, matrix: Matrix, axes: int) -> tuple[int, ...]:
    """Return the factors that a matrix depends on: for B its own first, for A in their order."""
    factors = structure.factors
    connected = tuple(
        f for f, factor in enumerate(factors) if factor.own in structure.near.get(matrix.name, ())
    )
    if matrix in factors:
        own = factors.index(matrix)
        return (own, *(f for f in connected if f != own))
    if connected:
        return connected
    same = [
        f for f, factor in enumerate(factors) if factor.suffix == matrix.suffix and len(factors) > 1
    ]
    if axes == 1 and (same or len(factors) == 1):
        return ((same or [0])[0],)
    if axes == len(factors):
        return tuple(range(axes))
    raise ModelError(
        [
            f"{matrix.name}: Connections names no state that it depends on, such as "
            f"{factors[0].own}-{matrix.name}"
        ]
    )


def control(structure: Structure, matrix: Matrix) -> str:
    """Return the control of a factor: the `u` connected to its B, or a control of its own."""
    controls = sorted(
        name for name in structure.near.get(matrix.name, ()) if CONTROL.fullmatch(name)
    )
    if len(controls) > 1:
        raise ModelError(
            [
                f"{matrix.name} is connected with {' and '.join(controls)}: one control moves a "
                "factor"
            ]
        )
    return controls[0] if controls else f"u_{matrix.own}"


def _matrix(
    model: Gnn, near: Mapping[str, frozenset[str]], name: str, match: re.Match[str]
) -> Matrix:
    suffix = _suffix(match)
    letter = "o" if match[1] == "A" else "s"
    names = [f"{letter}_{suffix}", f"{letter}{suffix}"] if suffix else [letter]
    own = next((one for one in names if one in model.variables), None)
    if own is None:
        connected = sorted(
            one
            for one in near.get(name, ())
            if re.fullmatch(rf"{letter}(?:_\w+|[0-9]+)?", one) and not LATER.fullmatch(one)
        )
        own = connected[0] if len(connected) == 1 else names[0]
    return Matrix(name, suffix, own, model.values[name])


def _suffix(match: re.Match[str]) -> str:
    return match[2] or match[3] or ""


def _near(model: Gnn) -> dict[str, frozenset[str]]:
    neighbours: dict[str, set[str]] = {}
    for left, right in model.edges:
        neighbours.setdefault(left, set()).add(right)
        neighbours.setdefault(right, set()).add(left)
    return {name: frozenset(names) for name, names in neighbours.items()}


def _declared(model: Gnn, name: str) -> tuple[int | None, ...]:
    return model.variables.get(name, ())


def _contradicts(model: Gnn, name: str) -> bool:
    """Return whether declared and written sizes differ in every order, ignoring axes of length
    1.
    """
    sizes = _declared(model, name)
    wanted = sorted(size for size in sizes if size not in (None, 1))
    return (
        bool(sizes)
        and None not in sizes
        and wanted != sorted(n for n in model.values[name].shape if n != 1)
    )
