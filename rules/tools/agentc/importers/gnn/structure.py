"""Which variable of a GNN file is which part of an agent: modalities, factors, controls, and what depends on what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agentc.importers.gnn.parser import Gnn
from agentc.ir.types import F64, ModelFault

MATRIX = re.compile(r"([ABCDE])(?:_(\w+)|([0-9]+))?")
STATE = re.compile(r"s(?:_\w+|[0-9]+)?")
CONTROL = re.compile(r"u(?:_\w+|[0-9]+)?")
LATER = re.compile(r"s_?(?:prime|next)\w*|s\w*_(?:prime|next)")


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """One A or B with its values: its suffix (`loc` of A_loc) and its own variable, what it tells or moves."""

    name: str
    suffix: str
    own: str
    values: F64


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Modalities and factors in the order of StateSpaceBlock, and the names connected with each matrix."""

    modalities: tuple[Matrix, ...]
    factors: tuple[Matrix, ...]
    near: Mapping[str, frozenset[str]]
    rest: Mapping[str, F64]  # C, D and E by name


def structure_of(model: Gnn) -> Structure:
    """Sort the variables; ModelFault when a matrix has no values, or values have no matrix."""
    named = {
        name: match
        for name in [*model.variables, *model.values]
        if (match := MATRIX.fullmatch(name))
    }
    near = _near(model)
    faults = [
        f"{name} is declared and has no values in InitialParameterization"
        for name in named
        if name not in model.values
    ]
    faults += [
        f"{name} is declared with the sizes {_declared(model, name)} and written with {model.values[name].shape}"
        for name in named
        if name in model.values and _contradicts(model, name)
    ]
    faults += [
        f"no {letter} with values: an agent needs {what}"
        for letter, what in (
            ("A", "what it observes in each state"),
            ("B", "how its states change"),
        )
        if not any(match[1] == letter for match in named.values())
    ]
    if faults:
        raise ModelFault(faults)
    made = {
        letter: tuple(
            _matrix(model, near, name, match) for name, match in named.items() if match[1] == letter
        )
        for letter in "AB"
    }
    rest = {name: model.values[name] for name, match in named.items() if match[1] in "CDE"}
    return Structure(made["A"], made["B"], near, rest)


def of_suffix(structure: Structure, letter: str, suffix: str, alone: bool) -> F64 | None:
    """The C or D that belongs to a matrix: of its suffix, or the only one where there is one matrix."""
    found = {
        name: match
        for name in structure.rest
        if (match := MATRIX.fullmatch(name)) and match[1] == letter
    }
    for name, match in found.items():
        if _suffix(match) == suffix or (alone and len(found) == 1):
            return structure.rest[name]
    return None


def unclaimed(structure: Structure) -> list[str]:
    """Faults of C, D and E that belong to nothing."""
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
    """The factors on which a matrix depends: those connected with it, of a B its own first, of an A in their order."""
    factors = structure.factors
    found = tuple(
        f for f, factor in enumerate(factors) if factor.own in structure.near.get(matrix.name, ())
    )
    if matrix in factors:
        own = factors.index(matrix)
        return (own, *(f for f in found if f != own))
    if found:
        return found
    same = [
        f for f, factor in enumerate(factors) if factor.suffix == matrix.suffix and len(factors) > 1
    ]
    if axes == 1 and (same or len(factors) == 1):
        return ((same or [0])[0],)
    if axes == len(factors):
        return tuple(range(axes))
    raise ModelFault(
        [
            f"{matrix.name}: Connections names no state that it depends on, such as "
            f"{factors[0].own}-{matrix.name}"
        ]
    )


def control(structure: Structure, matrix: Matrix) -> str:
    """The control that moves a factor: the `u` connected with its B, or one of its own."""
    found = sorted(name for name in structure.near.get(matrix.name, ()) if CONTROL.fullmatch(name))
    if len(found) > 1:
        raise ModelFault(
            [f"{matrix.name} is connected with {' and '.join(found)}: one control moves a factor"]
        )
    return found[0] if found else f"u_{matrix.own}"


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
    found: dict[str, set[str]] = {}
    for left, right in model.edges:
        found.setdefault(left, set()).add(right)
        found.setdefault(right, set()).add(left)
    return {name: frozenset(names) for name, names in found.items()}


def _declared(model: Gnn, name: str) -> tuple[int | None, ...]:
    return model.variables.get(name, ())


def _contradicts(model: Gnn, name: str) -> bool:
    """Whether declared and written sizes cannot be the same in any order, axes of length 1 aside."""
    sizes = _declared(model, name)
    wanted = sorted(size for size in sizes if size not in (None, 1))
    return (
        bool(sizes)
        and None not in sizes
        and wanted != sorted(n for n in model.values[name].shape if n != 1)
    )
