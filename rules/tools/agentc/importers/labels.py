"""Names of observations, states and controls, in the words of pymdp's compile_model, and labels.json."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentc.importers.parameters import meant
from agentc.ir.types import F64, Model, Table

KNOWN = {
    "observations": {"elements", "size", "depends_on"},
    "controls": {"elements", "size"},
    "states": {"elements", "size", "depends_on", "controlled_by"},
}
KEYS = {"A": ("A_dependencies",), "B": ("B_dependencies", "B_action_dependencies")}
"""What says on which axes a matrix depends where there are no labels."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One named modality, factor or control: size, names of its values if known, what it depends on."""

    name: str
    size: int
    elements: tuple[str, ...] | None
    depends_on: tuple[str, ...] | None
    controlled_by: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Labels:
    """The named axes in the order of the arrays; an empty tuple means that names are not known."""

    observations: tuple[Axis, ...] = ()
    states: tuple[Axis, ...] = ()
    controls: tuple[Axis, ...] = ()


def read_labels(given: Mapping[str, Any], faults: list[str]) -> Labels:
    """Read the three tables; faults in them are added to `faults`."""
    return Labels(
        *(
            tuple(
                axis
                for name, entry in given.get(kind, {}).items()
                if (axis := _axis(kind, name, entry, faults)) is not None
            )
            for kind in ("observations", "states", "controls")
        )
    )


def _axis(kind: str, name: str, entry: Mapping[str, Any], faults: list[str]) -> Axis | None:
    where = f"{kind}.{name}"
    before = len(faults)
    faults += [
        f"{where}: unknown key {word!r}{meant(word, KNOWN[kind])}"
        for word in entry
        if word not in KNOWN[kind]
    ]
    lists = {
        word: entry[word] for word in ("elements", "depends_on", "controlled_by") if word in entry
    }
    faults += [
        f"{where}: {word} must be a list of names"
        for word, names in lists.items()
        if not (isinstance(names, list | tuple) and all(isinstance(n, str) for n in names))
    ]
    elements = entry.get("elements")
    size = entry.get("size", len(elements) if isinstance(elements, list | tuple) else None)
    if type(size) is not int or size < 1:
        faults.append(
            f"{where}: say `size` (a whole number >= 1) or `elements` (the names of its values)"
        )
    elif isinstance(elements, list | tuple) and len(elements) != size:
        faults.append(f"{where}: size = {size} but {len(elements)} elements are named")
    if len(faults) > before:
        return None
    assert isinstance(size, int)
    names = {word: tuple(value) for word, value in lists.items()}
    return Axis(
        name, size, names.get("elements"), names.get("depends_on"), names.get("controlled_by")
    )


def structure(
    labels: Labels, A: Sequence[F64], B: Sequence[F64], spec: Mapping[str, Any], faults: list[str]
) -> dict[str, Any]:
    """A_dependencies, B_dependencies, B_action_dependencies and num_controls as far as the labels say or imply them."""
    miscounted = [
        *_miscounted("observations", labels.observations, A, "A"),
        *_miscounted("states", labels.states, B, "B"),
    ]
    if miscounted:
        faults += miscounted
        return {}
    everything = tuple(range(len(labels.states)))
    given = {
        "A_dependencies": _depends(
            "observations", labels.observations, labels.states, lambda _: everything, faults
        ),
        "B_dependencies": _depends("states", labels.states, labels.states, lambda f: (f,), faults),
    }
    found: dict[str, Any] = {key: rows for key, rows in given.items() if rows is not None}
    before = len(faults)
    moved = _controlled(
        labels, B, found.get("B_dependencies") or spec.get("B_dependencies") or (), faults
    )
    if labels.controls and moved is not None and "num_controls" not in spec:
        found |= {
            "B_action_dependencies": moved,
            "num_controls": tuple(axis.size for axis in labels.controls),
        }
        faults += [
            f"controls.{axis.name} moves no state: name it in the controlled_by of the state that it moves, or leave "
            "it out"
            for c, axis in enumerate(labels.controls)
            if axis.size > 1 and len(faults) == before and not any(c in row for row in moved)
        ]
    return found


def _miscounted(
    kind: str, axes: Sequence[Axis], arrays: Sequence[F64], letter: str
) -> Iterator[str]:
    if axes and len(axes) != len(arrays):
        last = f" to {letter}{len(arrays) - 1}" if len(arrays) > 1 else ""
        yield (
            f"{kind} names {len(axes)} entries, the arrays have {len(arrays)}: name {letter}0{last} in their order, beside "
            f"{', '.join(axis.name for axis in axes)}, or leave {kind} out"
        )


def _depends(
    kind: str,
    axes: Sequence[Axis],
    states: Sequence[Axis],
    unsaid: Callable[[int], tuple[int, ...]],
    faults: list[str],
) -> Table | None:
    """Rows of `depends_on`, the usual one where an axis leaves it out; None when all do."""
    saying = [axis for axis in axes if axis.depends_on is not None]
    if saying and not states:
        faults.append(_no_table(f"{kind}.{saying[0].name}.depends_on", "states"))
    if not saying or not states:
        return None
    return tuple(
        unsaid(i)
        if axis.depends_on is None
        else _indices(axis, "depends_on", axis.depends_on, states, faults)
        for i, axis in enumerate(axes)
    )


def _no_table(where: str, missing: str) -> str:
    return f"{where} names {missing}, and there is no table `{missing}`: add it, each name with its `size` or `elements`"


def _indices(
    axis: Axis, word: str, names: Sequence[str], targets: Sequence[Axis], faults: list[str]
) -> tuple[int, ...]:
    index = {target.name: i for i, target in enumerate(targets)}
    faults += [
        f"{axis.name}.{word}: {name!r} is not declared{meant(name, index)}"
        for name in names
        if name not in index
    ]
    return tuple(index[name] for name in names if name in index)


def _controlled(labels: Labels, B: Sequence[F64], reads: Table, faults: list[str]) -> Table | None:
    """Rows of `controlled_by`; where a state leaves it out, its B shows whether it has a control."""
    if not labels.controls:
        saying = [axis for axis in labels.states if axis.controlled_by]
        if saying:
            faults.append(_no_table(f"states.{saying[0].name}.controlled_by", "controls"))
        return None
    silent = [f for f, axis in enumerate(labels.states) if axis.controlled_by is None]
    acted = [f for f in silent if _acts(B[f], len(reads[f]) if f < len(reads) else 1)]
    found = {
        f: _indices(axis, "controlled_by", axis.controlled_by, labels.controls, faults)
        for f, axis in enumerate(labels.states)
        if axis.controlled_by is not None
    }
    choices = [c for c, axis in enumerate(labels.controls) if axis.size > 1]
    sizes = [labels.controls[c].size for c in choices]
    if acted and (found or [B[f].shape[-1] for f in acted] != sizes):
        faults += [_unsaid(labels, f, B[f]) for f in acted]
        return None
    found |= {f: (c,) for f, c in zip(acted, choices)}
    return tuple(found.get(f, ()) for f in range(len(labels.states))) or None


def _acts(b: F64, parents: int) -> bool:
    """Whether a B has axes of actions that offer a choice."""
    return any(size > 1 for size in b.shape[1 + parents :])


def _unsaid(labels: Labels, f: int, b: F64) -> str:
    fitting = [axis.name for axis in labels.controls if axis.size == b.shape[-1]] or [
        axis.name for axis in labels.controls
    ]
    return (
        f"states.{labels.states[f].name} does not say what it is controlled by, and B{f} of the shape {b.shape} depends on "
        f'actions: add controlled_by = ["{fitting[0]}"]; the controls are '
        + ", ".join(f"{axis.name} (of {axis.size})" for axis in labels.controls)
    )


def explained(fault: str, labels: Labels, spec: Mapping[str, Any]) -> str:
    """A fault of an array's shape with what the labels, or the lack of them, call for."""
    match = re.match(r"([AB])([0-9]+) has the shape ", fault)
    if match is None:
        return fault
    letter, i = match[1], int(match[2])
    axes = labels.observations if letter == "A" else labels.states
    if i >= len(axes):
        missing = [key for key in KEYS[letter] if key not in spec]
        return (
            f"{fault}; {missing[0]}, a row of indices for each {letter}, may say others"
            if missing
            else fault
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
    return f"{fault}; {kind}.{axis.name} says {', '.join([' and '.join(words), *moves])}"


def document(labels: Labels, model: Model, faults: list[str]) -> dict[str, Any]:
    """labels.json: name (null when unknown), size, elements of each modality, factor, control factor."""
    controls = _control_axes(labels, model)
    choices = [model.num_controls[c] for c in model.control_factors]
    return {
        "schema": 1,
        "observations": _entries("observations", labels.observations, model.num_obs, faults),
        "states": _entries("states", labels.states, model.num_states, faults),
        "controls": _entries("controls", controls, choices, faults),
    }


def _control_axes(labels: Labels, model: Model) -> tuple[Axis, ...]:
    """Labels of the control factors in their order, which is that of the factors when each moves its own."""
    known = {axis.name: axis for axis in labels.controls}
    moved = [name for axis in labels.states for name in axis.controlled_by or () if name in known]
    trivial = model.B_action_dependencies == tuple((f,) for f in range(len(model.num_states)))
    axes = [known[name] for name in dict.fromkeys(moved)] if trivial and moved else labels.controls
    return tuple(axis for axis in axes if axis.size > 1)


def _entries(
    kind: str, axes: Sequence[Axis], sizes: Sequence[int], faults: list[str]
) -> list[dict[str, Any]]:
    if axes and len(axes) != len(sizes):
        faults.append(f"{kind} names {len(axes)} entries, the arrays have {len(sizes)}")
    elif axes:
        faults += [
            f"{kind}.{axis.name}: {axis.size} values are declared, the arrays have {size}"
            for axis, size in zip(axes, sizes, strict=True)
            if axis.size != size
        ]
    names = dict(enumerate(axes))
    return [_entry(names.get(i), size) for i, size in enumerate(sizes)]


def _entry(axis: Axis | None, size: int) -> dict[str, Any]:
    elements = None if axis is None or axis.elements is None else list(axis.elements)
    return {"name": None if axis is None else axis.name, "size": size, "elements": elements}
