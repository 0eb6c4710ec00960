"""pymdp's labelled tables (compile_model, Distribution): what their names say of a model, in compile_model's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from agentc.importers.parameters import meant
from agentc.ir.types import ModelFault


def is_labelled(tables: Any) -> bool:
    """Whether every table of a list has pymdp's `event` (its own axis by name) and `batch` (what it depends on)."""
    found = items(tables)
    return bool(found) and all(
        isinstance(getattr(one, "event", None), Mapping)
        and one.event
        and isinstance(getattr(one, "batch", None), Mapping)
        for one in found
    )


def items(tables: Any) -> list[Any]:
    """The tables of a list, or of pymdp's DistributionIndexer, whose length is that of its names."""
    held = getattr(tables, "distributions", tables)
    return list(held) if isinstance(held, list | tuple) else []


def labels_of(A: Any, B: Any) -> dict[str, Any]:
    """observations, states and controls of labelled tables; the order of names in `batch` is that of the axes."""
    likelihoods, transitions = items(A), items(B)
    states = {_name(one): _axis(one.event) for one in transitions}
    moves = {
        key: values for one in transitions for key, values in one.batch.items() if key not in states
    }
    return {
        "observations": {
            _name(one): _axis(one.event) | {"depends_on": list(one.batch)} for one in likelihoods
        },
        "states": {
            name: states[name]
            | {
                "depends_on": [key for key in one.batch if key in states],
                "controlled_by": [key for key in one.batch if key not in states],
            }
            for one in transitions
            for name in [_name(one)]
        },
        "controls": {key: _axis({key: values}) for key, values in moves.items()},
    }


def in_order(value: Mapping[str, Any]) -> dict[str, Any]:
    """A model with matrices by name, as `compile_model`'s own description names them, as one with lists.

    A and C go by observations, B, D, H and I by states, in the order in which the description has them; ModelFault names what is
    missing, unknown, or described without any numbers.
    """
    found, faults = dict(value), list[str]()
    if "states" in value and not (value.get("A") and value.get("B")):
        faults.append(
            "it describes a model and has no numbers: give A by the names of observations and B by those of states"
        )
    for letter, kind in (
        ("A", "observations"),
        ("B", "states"),
        ("C", "observations"),
        ("D", "states"),
        ("H", "states"),
        ("I", "states"),
        ("pA", "observations"),
        ("pB", "states"),
    ):
        tables = value.get(letter)
        if not isinstance(tables, Mapping) or hasattr(tables, "distributions"):
            continue
        names = list(value.get(kind) or ())
        faults += [
            f"{letter}[{name!r}] is not one of {kind}{meant(str(name), map(str, names))}"
            for name in tables
            if name not in names
        ]
        faults += [
            f"{letter}[{name!r}] is missing: {kind} has that name"
            for name in names
            if name not in tables
        ]
        found[letter] = [tables[name] for name in names if name in tables]
    if faults:
        raise ModelFault(faults)
    return found


def is_blank(tables: Any) -> bool:
    """Whether every table holds one value throughout, as compile_model leaves those that nobody filled in."""
    return all(np.ptp(np.asarray(getattr(one, "data", one))) == 0.0 for one in items(tables))


def _name(table: Any) -> str:
    return str(next(iter(table.event)))


def _axis(event: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Names of values where they are text; sizes alone are counted from 0."""
    values = list(next(iter(event.values())))
    named = all(isinstance(value, str) for value in values)
    return {"elements": values} if named else {"size": len(values)}
