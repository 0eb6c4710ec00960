"""Names of observations, states and controls, in the words of pymdp's compile_model, and labels.json."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_model import Model, Table
from model_words import meant

KNOWN = {"observations": {"elements", "size", "depends_on"}, "controls": {"elements", "size"},
         "states": {"elements", "size", "depends_on", "controlled_by"}}


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
    return Labels(*(tuple(axis for name, entry in given.get(kind, {}).items()
                          if (axis := _axis(kind, name, entry, faults)) is not None)
                    for kind in ("observations", "states", "controls")))


def _axis(kind: str, name: str, entry: Mapping[str, Any], faults: list[str]) -> Axis | None:
    where = f"{kind}.{name}"
    before = len(faults)
    faults += [f"{where}: unknown key {word!r}{meant(word, KNOWN[kind])}"
               for word in entry if word not in KNOWN[kind]]
    lists = {word: entry[word] for word in ("elements", "depends_on", "controlled_by") if word in entry}
    faults += [f"{where}: {word} must be a list of names" for word, names in lists.items()
               if not (isinstance(names, list | tuple) and all(isinstance(n, str) for n in names))]
    elements = entry.get("elements")
    size = entry.get("size", len(elements) if isinstance(elements, list | tuple) else None)
    if type(size) is not int or size < 1:
        faults.append(f"{where}: say `size` (a whole number >= 1) or `elements` (the names of its values)")
    elif isinstance(elements, list | tuple) and len(elements) != size:
        faults.append(f"{where}: size = {size} but {len(elements)} elements are named")
    if len(faults) > before:
        return None
    assert isinstance(size, int)
    names = {word: tuple(value) for word, value in lists.items()}
    return Axis(name, size, names.get("elements"), names.get("depends_on"), names.get("controlled_by"))


def dependencies(axes: Sequence[Axis], word: str, targets: Sequence[Axis], faults: list[str]) -> Table | None:
    """Index lists from `depends_on` or `controlled_by`; None when any axis leaves it out."""
    index = {axis.name: i for i, axis in enumerate(targets)}
    table = []
    for axis in axes:
        names = axis.depends_on if word == "depends_on" else axis.controlled_by
        if names is None and word == "depends_on":
            return None
        unknown = [name for name in names or () if name not in index]
        faults += [f"{axis.name}.{word}: {name!r} is not declared{meant(name, index)}" for name in unknown]
        table.append(tuple(index[name] for name in names or () if name in index))
    return tuple(table) if axes else None


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
        kind: str, axes: Sequence[Axis], sizes: Sequence[int], faults: list[str]) -> list[dict[str, Any]]:
    if axes and len(axes) != len(sizes):
        faults.append(f"{kind} names {len(axes)} entries, the arrays have {len(sizes)}")
    elif axes:
        faults += [f"{kind}.{axis.name}: {axis.size} values are declared, the arrays have {size}"
                   for axis, size in zip(axes, sizes, strict=True) if axis.size != size]
    names = dict(enumerate(axes))
    return [_entry(names.get(i), size) for i, size in enumerate(sizes)]


def _entry(axis: Axis | None, size: int) -> dict[str, Any]:
    elements = None if axis is None or axis.elements is None else list(axis.elements)
    return {"name": None if axis is None else axis.name, "size": size, "elements": elements}
