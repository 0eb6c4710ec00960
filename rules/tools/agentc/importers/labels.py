"""Labels of observations, states and controls in the keys of pymdp's compile_model; labels.json."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentc.importers.parameters import format_suggestion
from agentc.ir.types import F64, Model, Table

KNOWN = {
    "observations": {"elements", "size", "depends_on"},
    "controls": {"elements", "size"},
    "states": {"elements", "size", "depends_on", "controlled_by"},
}
KEYS = {"A": ("A_dependencies",), "B": ("B_dependencies", "B_action_dependencies")}
"""Keys that give the axes of a matrix if there are no labels."""


@dataclass(frozen=True, slots=True)
class LabelledAxis:
    """A named modality, factor or control: size, names of its values if known, dependencies."""

    name: str
    size: int
    elements: tuple[str, ...] | None
    depends_on: tuple[str, ...] | None
    controlled_by: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Labels:
    """Named axes in the order of the arrays; an empty tuple if names are unknown."""

    observations: tuple[LabelledAxis, ...] = ()
    states: tuple[LabelledAxis, ...] = ()
    controls: tuple[LabelledAxis, ...] = ()


def read_labels(spec: Mapping[str, Any], errors: list[str]) -> Labels:
    """Read the three tables; add their errors to `errors`."""
    return Labels(
        *(
            tuple(
                axis
                for name, entry in spec.get(kind, {}).items()
                if (axis := _axis(kind, name, entry, errors)) is not None
            )
            for kind in ("observations", "states", "controls")
        )
    )


def _axis(kind: str, name: str, entry: Mapping[str, Any], errors: list[str]) -> LabelledAxis | None:
    where = f"{kind}.{name}"
    before = len(errors)
    errors += [
        f"{where}: unknown key {word!r}{format_suggestion(word, KNOWN[kind])}"
        for word in entry
        if word not in KNOWN[kind]
    ]
    lists = {
        word: entry[word] for word in ("elements", "depends_on", "controlled_by") if word in entry
    }
    errors += [
        f"{where}: {word} must be a list of names"
        for word, names in lists.items()
        if not (isinstance(names, list | tuple) and all(isinstance(n, str) for n in names))
    ]
    elements = entry.get("elements")
    size = entry.get("size", len(elements) if isinstance(elements, list | tuple) else None)
    if type(size) is not int or size < 1:
        errors.append(
            f"{where}: say `size` (a whole number >= 1) or `elements` (the names of its values)"
        )
    elif isinstance(elements, list | tuple) and len(elements) != size:
        errors.append(f"{where}: size = {size} but {len(elements)} elements are named")
    if len(errors) > before:
        return None
    assert isinstance(size, int)
    names = {word: tuple(value) for word, value in lists.items()}
    return LabelledAxis(
        name, size, names.get("elements"), names.get("depends_on"), names.get("controlled_by")
    )


def structure(
    labels: Labels, A: Sequence[F64], B: Sequence[F64], spec: Mapping[str, Any], errors: list[str]
) -> dict[str, Any]:
    """Return the dependency lists and num_controls that the labels give or imply."""
    miscounted = [
        *_miscounted("observations", labels.observations, A, "A"),
        *_miscounted("states", labels.states, B, "B"),
    ]
    if miscounted:
        errors += miscounted
        return {}
    everything = tuple(range(len(labels.states)))
    rows_by_key = {
        "A_dependencies": _depends(
            "observations", labels.observations, labels.states, lambda _: everything, errors
        ),
        "B_dependencies": _depends("states", labels.states, labels.states, lambda f: (f,), errors),
    }
    derived: dict[str, Any] = {key: rows for key, rows in rows_by_key.items() if rows is not None}
    before = len(errors)
    moved = _controlled(
        labels, B, derived.get("B_dependencies") or spec.get("B_dependencies") or (), errors
    )
    if labels.controls and moved is not None and "num_controls" not in spec:
        derived |= {
            "B_action_dependencies": moved,
            "num_controls": tuple(axis.size for axis in labels.controls),
        }
        errors += [
            f"controls.{axis.name} moves no state: name it in the controlled_by of the state "
            "that it moves, or leave "
            "it out"
            for c, axis in enumerate(labels.controls)
            if axis.size > 1 and len(errors) == before and not any(c in row for row in moved)
        ]
    return derived


def _miscounted(
    kind: str, axes: Sequence[LabelledAxis], arrays: Sequence[F64], letter: str
) -> Iterator[str]:
    if axes and len(axes) != len(arrays):
        last = f" to {letter}{len(arrays) - 1}" if len(arrays) > 1 else ""
        yield (
            f"{kind} names {len(axes)} entries, the arrays have {len(arrays)}: name "
            f"{letter}0{last} in their order, beside "
            f"{', '.join(axis.name for axis in axes)}, or leave {kind} out"
        )


def _depends(
    kind: str,
    axes: Sequence[LabelledAxis],
    states: Sequence[LabelledAxis],
    unsaid: Callable[[int], tuple[int, ...]],
    errors: list[str],
) -> Table | None:
    """Return the rows of `depends_on` with defaults; None if no axis has the key."""
    saying = [axis for axis in axes if axis.depends_on is not None]
    if saying and not states:
        errors.append(_no_table(f"{kind}.{saying[0].name}.depends_on", "states"))
    if not saying or not states:
        return None
    return tuple(
        unsaid(i)
        if axis.depends_on is None
        else _indices(axis, "depends_on", axis.depends_on, states, errors)
        for i, axis in enumerate(axes)
    )


def _no_table(where: str, missing: str) -> str:
    return (
        f"{where} names {missing}, and there is no table `{missing}`: add it, each name with "
        "its `size` or `elements`"
    )


def _indices(
    axis: LabelledAxis,
    word: str,
    names: Sequence[str],
    targets: Sequence[LabelledAxis],
    errors: list[str],
) -> tuple[int, ...]:
    index = {target.name: i for i, target in enumerate(targets)}
    errors += [
        f"{axis.name}.{word}: {name!r} is not declared{format_suggestion(name, index)}"
        for name in names
        if name not in index
    ]
    return tuple(index[name] for name in names if name in index)


def _controlled(labels: Labels, B: Sequence[F64], reads: Table, errors: list[str]) -> Table | None:
    """Return the rows of `controlled_by`; without the key, the axes of B show the control."""
    if not labels.controls:
        saying = [axis for axis in labels.states if axis.controlled_by]
        if saying:
            errors.append(_no_table(f"states.{saying[0].name}.controlled_by", "controls"))
        return None
    silent = [f for f, axis in enumerate(labels.states) if axis.controlled_by is None]
    acted = [f for f in silent if _acts(B[f], len(reads[f]) if f < len(reads) else 1)]
    names = {
        f: _indices(axis, "controlled_by", axis.controlled_by, labels.controls, errors)
        for f, axis in enumerate(labels.states)
        if axis.controlled_by is not None
    }
    choices = [c for c, axis in enumerate(labels.controls) if axis.size > 1]
    sizes = [labels.controls[c].size for c in choices]
    if acted and (names or [B[f].shape[-1] for f in acted] != sizes):
        errors += [_unsaid(labels, f, B[f]) for f in acted]
        return None
    names |= {f: (c,) for f, c in zip(acted, choices)}
    return tuple(names.get(f, ()) for f in range(len(labels.states))) or None


def _acts(b: F64, parents: int) -> bool:
    """Return whether a B has an action axis with more than one action."""
    return any(size > 1 for size in b.shape[1 + parents :])


def _unsaid(labels: Labels, f: int, b: F64) -> str:
    fitting = [axis.name for axis in labels.controls if axis.size == b.shape[-1]] or [
        axis.name for axis in labels.controls
    ]
    return (
        f"states.{labels.states[f].name} does not say what it is controlled by, and B{f} of the "
        f"shape {b.shape} depends on "
        f'actions: add controlled_by = ["{fitting[0]}"]; the controls are '
        + ", ".join(f"{axis.name} (of {axis.size})" for axis in labels.controls)
    )


def explain_shape_error(error: str, labels: Labels, spec: Mapping[str, Any]) -> str:
    """Extend a shape error by the shape that the labels, or missing labels, imply."""
    match = re.match(r"([AB])([0-9]+) has the shape ", error)
    if match is None:
        return error
    letter, i = match[1], int(match[2])
    axes = labels.observations if letter == "A" else labels.states
    if i >= len(axes):
        missing = [key for key in KEYS[letter] if key not in spec]
        return (
            f"{error}; {missing[0]}, a row of indices for each {letter}, may say others"
            if missing
            else error
        )
    kind, axis = "observations" if letter == "A" else "states", axes[i]
    sizes = {control.name: control.size for control in labels.controls}
    words = [
        f"{word} = {json.dumps(list(names))}" if names is not None else f"no {word}"
        for word, names in (("depends_on", axis.depends_on), ("controlled_by", axis.controlled_by))
        if word in KNOWN[kind]
    ]
    moves = [
        f"{name} has {sizes[name]} values" for name in axis.controlled_by or () if name in sizes
    ]
    return f"{error}; {kind}.{axis.name} says {', '.join([' and '.join(words), *moves])}"


def document(labels: Labels, model: Model, errors: list[str]) -> dict[str, Any]:
    """Return labels.json: name or null, size and elements of each modality, factor and control."""
    controls = _control_axes(labels, model)
    choices = [model.num_controls[c] for c in model.control_factors]
    return {
        "schema": 1,
        "observations": _entries("observations", labels.observations, model.num_obs, errors),
        "states": _entries("states", labels.states, model.num_states, errors),
        "controls": _entries("controls", controls, choices, errors),
    }


def _control_axes(labels: Labels, model: Model) -> tuple[LabelledAxis, ...]:
    """Return the labels of the control factors in order: that of the factors if one to one."""
    known = {axis.name: axis for axis in labels.controls}
    moved = [name for axis in labels.states for name in axis.controlled_by or () if name in known]
    trivial = model.B_action_dependencies == tuple((f,) for f in range(len(model.num_states)))
    axes = [known[name] for name in dict.fromkeys(moved)] if trivial and moved else labels.controls
    return tuple(axis for axis in axes if axis.size > 1)


def _entries(
    kind: str, axes: Sequence[LabelledAxis], sizes: Sequence[int], errors: list[str]
) -> list[dict[str, Any]]:
    if axes and len(axes) != len(sizes):
        errors.append(f"{kind} names {len(axes)} entries, the arrays have {len(sizes)}")
    elif axes:
        errors += [
            f"{kind}.{axis.name}: {axis.size} values are declared, the arrays have {size}"
            for axis, size in zip(axes, sizes, strict=True)
            if axis.size != size
        ]
    names = dict(enumerate(axes))
    return [_entry(names.get(i), size) for i, size in enumerate(sizes)]


def _entry(axis: LabelledAxis | None, size: int) -> dict[str, Any]:
    elements = None if axis is None or axis.elements is None else list(axis.elements)
    return {"name": None if axis is None else axis.name, "size": size, "elements": elements}
