"""pymdp's labelled tables (compile_model, Distribution): what their names say of a model, in compile_model's words."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def is_labelled(tables: Any) -> bool:
    """Whether every table of a list has pymdp's `event` (its own axis by name) and `batch` (what it depends on)."""
    found = items(tables)
    return bool(found) and all(
        isinstance(getattr(one, "event", None), Mapping) and one.event and isinstance(getattr(one, "batch", None), Mapping)
        for one in found)


def items(tables: Any) -> list[Any]:
    """The tables of a list, or of pymdp's DistributionIndexer, whose length is that of its names."""
    held = getattr(tables, "distributions", tables)
    return list(held) if isinstance(held, list | tuple) else []


def labels_of(A: Any, B: Any) -> dict[str, Any]:
    """observations, states and controls of labelled tables; the order of names in `batch` is that of the axes."""
    likelihoods, transitions = items(A), items(B)
    states = {_name(one): _axis(one.event) for one in transitions}
    moves = {key: values for one in transitions for key, values in one.batch.items() if key not in states}
    return {
        "observations": {_name(one): _axis(one.event) | {"depends_on": list(one.batch)} for one in likelihoods},
        "states": {name: states[name] | {"depends_on": [key for key in one.batch if key in states],
                                         "controlled_by": [key for key in one.batch if key not in states]}
                   for one in transitions for name in [_name(one)]},
        "controls": {key: _axis({key: values}) for key, values in moves.items()},
    }


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
