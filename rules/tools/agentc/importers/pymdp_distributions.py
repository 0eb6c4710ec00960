"""Labelled tables of pymdp (compile_model, Distribution): their labels in compile_model's keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from agentc.importers.parameters import format_suggestion
from agentc.ir.types import ModelError


def is_labelled(tables: Any) -> bool:
    """Return whether every table has `event` (names of its own axis) and `batch` (dependencies)."""
    distributions = items(tables)
    return bool(distributions) and all(
        isinstance(getattr(one, "event", None), Mapping)
        and one.event
        and isinstance(getattr(one, "batch", None), Mapping)
        for one in distributions
    )


def items(tables: Any) -> list[Any]:
    """Return the tables of a list or of pymdp's DistributionIndexer, whose length counts names."""
    distributions = getattr(tables, "distributions", tables)
    return list(distributions) if isinstance(distributions, list | tuple) else []


def labels_of(A: Any, B: Any) -> dict[str, Any]:
    """Return observations, states and controls; the order of names in `batch` is that of the
    axes.
    """
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


def with_lists(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model with named matrices, as in compile_model's description, with lists instead.

    A and C follow observations; B, D, H and I follow states, in the order of the description.
    ModelError names matrices that are missing, unknown or without numbers.
    """
    lists, errors = dict(value), list[str]()
    if "states" in value and not (value.get("A") and value.get("B")):
        errors.append(
            "it describes a model and has no numbers: give A by the names of observations and B "
            "by those of states"
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
        errors += [
            f"{letter}[{name!r}] is not one of "
            f"{kind}{format_suggestion(str(name), map(str, names))}"
            for name in tables
            if name not in names
        ]
        errors += [
            f"{letter}[{name!r}] is missing: {kind} has that name"
            for name in names
            if name not in tables
        ]
        lists[letter] = [tables[name] for name in names if name in tables]
    if errors:
        raise ModelError(errors)
    return lists


def is_blank(tables: Any) -> bool:
    """Return whether every table is constant, as compile_model leaves unfilled tables."""
    return all(np.ptp(np.asarray(getattr(one, "data", one))) == 0.0 for one in items(tables))


def _name(table: Any) -> str:
    return str(next(iter(table.event)))


def _axis(event: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return names of values if they are text; numbers are counted from 0 and give a size only."""
    values = list(next(iter(event.values())))
    named = all(isinstance(value, str) for value in values)
    return {"elements": values} if named else {"size": len(values)}
