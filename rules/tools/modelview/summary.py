"""Summary of a model: shapes, zeros, policies, cost of a step, parameters with changed defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from agentc.importers.parameters import CHANGED, LEGACY_DEFAULTS
from agentc.ir.types import F64, Model

PARAMETERS = (
    *("semantics", "gamma", "alpha", "inference_algo", "num_iter", "action_selection"),
    *("sampling_mode", "use_utility", "use_states_info_gain", "use_param_info_gain"),
    "use_inductive",
)
"""Parameters that the summary always shows."""


def summarize(model: Model, labels: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary for JSON; costs are multiply-adds by formula, not measured."""
    names = {kind: named(labels, kind) for kind in ("observations", "states", "controls")}
    return {
        "schema": 2,
        **{
            kind: [
                {"name": name, "size": entry["size"], "elements": entry["elements"]}
                for name, entry in zip(names[kind], labels[kind], strict=True)
            ]
            for kind in names
        },
        "matrices": [
            _matrix(name, array, axes) for name, array, axes, _ in matrices(model, labels)
        ],
        **({"rewards": labels["rewards"]} if "rewards" in labels else {}),
        "policies": {
            "kind": model.policies_kind,
            "length": model.policy_len,
            "count": model.num_policies,
        },
        "cost": cost(model),
        "parameters": {
            name: getattr(model, name)
            for name in (
                *PARAMETERS,
                *["plan_every"] * model.keeps_plans,
                *["utility_only"] * bool(model.utility_only),
            )
        },
        "legacy": {
            name: value
            for name, value in LEGACY_DEFAULTS.items()
            if name in CHANGED and getattr(model, name) != value
        },
        "learns": [letter for letter in "AB" if getattr(model, f"learn_{letter}")],
        "given": {
            "E": model.has_E,
            "C_time_varying": any(model.C_time_varying),
            "C_flat": all(bool(np.all(c == c.reshape(-1)[0])) for c in model.C),
            "D_flat": all(bool(np.all(d == d[0])) for d in model.D),
        },
    }


def named(labels: Mapping[str, Any], kind: str) -> list[str]:
    """Return names of observations, states or controls, or their indices."""
    return [entry["name"] or f"{kind[:-1]} {i}" for i, entry in enumerate(labels[kind])]


Names = Sequence[Sequence[str] | None]


def matrices(model: Model, labels: Mapping[str, Any]) -> list[tuple[str, F64, list[str], Names]]:
    """Yield (name, array, axis names, value names along each axis) of every A and B."""
    words = {kind: named(labels, kind) for kind in ("observations", "states", "controls")}
    column = {c: i for i, c in enumerate(model.control_factors)}
    rows = []
    for m, array in enumerate(model.A):
        axes = [("observations", m), *(("states", f) for f in model.A_dependencies[m])]
        rows.append((f"A{m}", array, axes))
    for f, array in enumerate(model.B):
        axes = [
            ("states", f),
            *(("states", d) for d in model.B_dependencies[f]),
            *(("controls", column.get(c, -1)) for c in model.B_action_dependencies[f]),
        ]
        rows.append((f"B{f}", array, axes))
    return [
        (
            name,
            array,
            [_axis(words, *axis, name[0] == "B" and i == 0) for i, axis in enumerate(axes)],
            [labels[kind][i]["elements"] if i >= 0 else None for kind, i in axes],
        )
        for name, array, axes in rows
    ]


def _axis(words: Mapping[str, list[str]], kind: str, i: int, following: bool) -> str:
    return "no choice" if i < 0 else f"next {words[kind][i]}" if following else words[kind][i]


def _matrix(name: str, array: F64, axes: list[str]) -> dict[str, Any]:
    nonzero = int(np.count_nonzero(array))
    return {
        "name": name,
        "axes": axes,
        "shape": list(array.shape),
        "entries": array.size,
        "nonzero": nonzero,
        "deterministic": bool(np.all((array == 0.0) | (array == 1.0))),
    }


def cost(model: Model) -> dict[str, int]:
    """Return multiply-adds of a step: inference, planning by policy, and planning with shared
    prefixes.

    n policies of length T cost n T (sum |B| / actions + 2 sum |A|). Shared prefixes are computed
    once and zeros skipped.
    """
    rounds = 1 if len(model.num_states) == 1 else model.num_iter
    actions = [math.prod(model.num_controls[c] for c in row) for row in model.B_action_dependencies]
    dense = sum(b.size // n for b, n in zip(model.B, actions, strict=True)) + 2 * sum(
        a.size for a in model.A
    )
    sparse = sum(
        -(-int(np.count_nonzero(b)) // n) for b, n in zip(model.B, actions, strict=True)
    ) + 2 * sum(int(np.count_nonzero(a)) for a in model.A)
    beginnings = _beginnings(model)
    return {
        "infer": rounds * sum(a.size for a in model.A),
        "plan": model.num_policies * model.policy_len * dense,
        "beginnings": beginnings,
        "plan_shared": beginnings * sparse,
    }


def _beginnings(model: Model) -> int:
    """Return the number of distinct policy prefixes of all lengths."""
    flat = model.policies
    return sum(
        len(np.unique(flat[:, :t].reshape(len(flat), -1), axis=0)) if flat.shape[2] else 1
        for t in range(1, model.policy_len + 1)
    )
