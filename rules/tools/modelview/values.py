"""The arrays of a model with the names along their axes, for JSON: A, B, C, D and the policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from agentc.ir.types import F64, Model
from modelview.summary import Names, matrices, named

SPARSE = 0.25
"""The largest share of entries that are not zero in an array that is written as index and value."""
MOST_POLICIES = 1000


def arrays(model: Model, labels: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each array: name, axes, names of the elements along them, shape, entries in C order.

    The entries are `values`, or `index` and `value` of those that are not zero. C is in nats, the
    others are probabilities.
    """
    return [
        {
            "name": name,
            "axes": [
                {"name": axis, "size": size, "elements": names}
                for axis, size, names in zip(axes, array.shape, elements, strict=True)
            ],
            **_entries(array),
        }
        for name, array, axes, elements in [*matrices(model, labels), *_vectors(model, labels)]
    ]


def policies(model: Model, labels: Mapping[str, Any]) -> dict[str, Any]:
    """Return {"controls": names, "actions": [policy][step][control]}, of MOST_POLICIES at most."""
    return {
        "controls": [
            {"name": name, "elements": entry["elements"]}
            for name, entry in zip(named(labels, "controls"), labels["controls"], strict=True)
        ],
        "actions": model.policies[:MOST_POLICIES][:, :, list(model.control_factors)].tolist(),
    }


def _vectors(
    model: Model, labels: Mapping[str, Any]
) -> Iterator[tuple[str, F64, list[str], Names]]:
    """Yield C of every modality and D of every factor, as `matrices` does for A and B."""
    for letter, kind, rows in (("C", "observations", model.C), ("D", "states", model.D)):
        for i, (array, name) in enumerate(zip(rows, named(labels, kind), strict=True)):
            names = labels[kind][i]["elements"]
            if array.ndim == 2:  # preferences that vary over the policy: (steps, observations)
                yield f"{letter}{i}", array.T, [name, "step"], [names, None]
            else:
                yield f"{letter}{i}", array, [name], [names]


def _entries(array: F64) -> dict[str, Any]:
    flat = np.ascontiguousarray(array, dtype=np.float64).reshape(-1)
    index = np.flatnonzero(flat)
    if len(index) > SPARSE * len(flat):
        return {"values": flat.tolist()}
    return {"index": index.tolist(), "value": flat[index].tolist()}
