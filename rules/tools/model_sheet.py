"""A model in numbers: shapes, zeros, policies, the cost of a step, and parameters whose defaults differ elsewhere."""
from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from agent_model import F64, Model

LEGACY: dict[str, Any] = {"gamma": 16.0, "alpha": 16.0, "sampling_mode": "marginal"}
"""Defaults of pymdp 0.0.7 that pymdp 1 changed: models that come from there mean these."""


def sheet(model: Model, labels: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that is shown of a model, ready for JSON; costs are multiply-adds by formula, not measured."""
    names = {kind: named(labels, kind) for kind in ("observations", "states", "controls")}
    return {
        "schema": 1,
        **{kind: [{"name": name, "size": entry["size"], "elements": entry["elements"]}
                  for name, entry in zip(names[kind], labels[kind], strict=True)] for kind in names},
        "matrices": [_matrix(name, array, axes) for name, array, axes in matrices(model, labels)],
        "policies": {"kind": model.policies_kind, "length": model.policy_len, "count": model.num_policies},
        "cost": cost(model),
        "parameters": {name: getattr(model, name) for name in
                       ("semantics", "gamma", "alpha", "inference_algo", "num_iter", "action_selection", "sampling_mode",
                        "use_utility", "use_states_info_gain", "use_param_info_gain", "use_inductive")},
        "legacy": {name: value for name, value in LEGACY.items() if getattr(model, name) != value},
        "given": {"E": model.has_E, "C_time_varying": any(model.C_time_varying),
                  "C_flat": all(bool(np.all(c == c.reshape(-1)[0])) for c in model.C),
                  "D_flat": all(bool(np.all(d == d[0])) for d in model.D)},
    }


def named(labels: Mapping[str, Any], kind: str) -> list[str]:
    """Names of observations, states or controls; their numbers where they have none."""
    return [entry["name"] or f"{kind[:-1]} {i}" for i, entry in enumerate(labels[kind])]


def matrices(model: Model, labels: Mapping[str, Any]) -> list[tuple[str, F64, list[str]]]:
    """(name, array, names of its axes) of every A and B."""
    seen, states, controls = (named(labels, kind) for kind in ("observations", "states", "controls"))
    choice = dict(zip(model.control_factors, controls, strict=True))
    found = [(f"A{m}", array, [seen[m], *(states[f] for f in model.A_dependencies[m])])
             for m, array in enumerate(model.A)]
    return found + [(f"B{f}", array, [f"next {states[f]}", *(states[d] for d in model.B_dependencies[f]),
                                      *(choice.get(c, "no choice") for c in model.B_action_dependencies[f])])
                    for f, array in enumerate(model.B)]


def _matrix(name: str, array: F64, axes: list[str]) -> dict[str, Any]:
    nonzero = int(np.count_nonzero(array))
    return {"name": name, "axes": axes, "shape": list(array.shape), "entries": array.size, "nonzero": nonzero,
            "deterministic": bool(np.all((array == 0.0) | (array == 1.0)))}


def cost(model: Model) -> dict[str, int]:
    """Multiply-adds of a step: inference, planning of every policy by itself, and with shared beginnings and no zeros.

    n policies of length T cost n T (sum |B| / actions + 2 sum |A|); beginnings that policies share need doing once.
    """
    rounds = 1 if len(model.num_states) == 1 else model.num_iter
    actions = [math.prod(model.num_controls[c] for c in row) for row in model.B_action_dependencies]
    dense = sum(b.size // n for b, n in zip(model.B, actions, strict=True)) + 2 * sum(a.size for a in model.A)
    sparse = (sum(-(-int(np.count_nonzero(b)) // n) for b, n in zip(model.B, actions, strict=True))
              + 2 * sum(int(np.count_nonzero(a)) for a in model.A))
    beginnings = _beginnings(model)
    return {"infer": rounds * sum(a.size for a in model.A), "plan": model.num_policies * model.policy_len * dense,
            "beginnings": beginnings, "plan_shared": beginnings * sparse}


def _beginnings(model: Model) -> int:
    """How many different beginnings the policies have, of all lengths."""
    flat = model.policies
    return sum(len(np.unique(flat[:, :t].reshape(len(flat), -1), axis=0)) if flat.shape[2] else 1
               for t in range(1, model.policy_len + 1))
