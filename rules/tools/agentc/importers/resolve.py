"""Resolve arrays and parameters of any source to a validated, normalised Model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from agentc.importers import inductive, labels as model_labels, unused as idle
from agentc.importers.parameters import DEFAULTS, LEGACY_DEFAULTS, read_parameters
from agentc.ir.types import (
    F64,
    LEGACY,
    MAX_POLICIES,
    Model,
    ModelError,
    Table,
    control_factors,
    full_policies,
)
from agentc.ir.validate import normalise, validate
from numpy.typing import NDArray

MOVING_GOALS = (
    "H with use_inductive = true and learn_B = true: pymdp makes I of H again whenever it has "
    "learned, which is not "
    "built; give the table I instead of H, which stays as it is"
)


@dataclass(frozen=True, slots=True, eq=False)
class ModelSource:
    """Contents of a model source: arrays, and parameters and labels under pymdp's names."""

    A: Sequence[Any]
    B: Sequence[Any]
    C: Sequence[Any] | None = None
    D: Sequence[Any] | None = None
    E: Any = None
    H: Sequence[Any] | None = None
    I: Sequence[Any] | None = None
    policies: Any = None
    pA: Sequence[Any] | None = None
    pB: Sequence[Any] | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)


def resolve(source: ModelSource, overrides: Mapping[str, Any]) -> tuple[Model, dict[str, Any]]:
    """Return the model and the content of labels.json; ModelError lists all errors.

    Parameters come from `overrides`, the source, and the defaults of pymdp 1 (or 0.0.7), in this
    order.
    """
    errors: list[str] = []
    spec = read_parameters(source.spec, "model", errors)
    spec |= read_parameters(overrides, "inference", errors)
    known = len(errors)
    labels = model_labels.read_labels(spec, errors)
    arrays = {
        letter: _arrays(letter, getattr(source, letter), errors)
        for letter in ("A", "B", "C", "D", "pA", "pB")
    }
    if not arrays["A"] or not arrays["B"]:
        missing = " and ".join(f"no {letter}" for letter in "AB" if not arrays[letter])
        errors.append(
            "a model needs at least one A (observations) and one B (transitions): there is "
            f"{missing}"
        )
    arrays |= {letter: _arrays(letter, getattr(source, letter), errors) for letter in "HI"}
    if len(errors) == known and arrays["A"] and arrays["B"]:
        spec |= _dependencies_of_labels(labels, spec, arrays, errors)
    if errors:
        raise ModelError(errors)
    B, actions, controls = _actions(arrays["B"], spec, errors)
    model = _assemble(
        source,
        arrays | {"B": B},
        spec | {"B_action_dependencies": actions, "num_controls": controls},
        errors,
    )
    errors += [
        model_labels.explain_shape_error(error, labels, source.spec) for error in validate(model)
    ]
    names = model_labels.document(labels, model, errors)
    if errors:
        raise ModelError(errors)
    return normalise(model), names


def _arrays(letter: str, values: Sequence[Any] | None, errors: list[str]) -> list[F64]:
    arrays = []
    for i, value in enumerate(values if values is not None else ()):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub" or array.ndim < 1 or array.size < 1:
            errors.append(
                f"{letter}{i} is not an array of numbers: dtype {array.dtype}, shape {array.shape}"
            )
            continue
        arrays.append(array.astype(np.float64))
    return arrays


def _dependencies_of_labels(
    labels: model_labels.Labels,
    spec: Mapping[str, Any],
    arrays: Mapping[str, list[F64]],
    errors: list[str],
) -> dict[str, Any]:
    """Return dependencies from the labels; they must agree with those that the model states."""
    derived = model_labels.structure(labels, arrays["A"], arrays["B"], spec, errors)
    errors += [
        f"{key} = {_to_json(spec[key])} contradicts the labels, which say {_to_json(value)}"
        for key, value in derived.items()
        if key in spec and spec[key] != value
    ]
    return derived


def _to_json(table: Any) -> str:
    return json.dumps(table)


def _actions(
    B: list[F64], spec: Mapping[str, Any], errors: list[str]
) -> tuple[list[F64], Table, tuple[int, ...]]:
    """Return B, its action axes and the sizes of controls, with one control a factor if
    equivalent.

    Equal agents must have one form. A factor without control gets a trailing axis of length 1, as
    in pymdp.
    """
    table: Table = spec.get("B_action_dependencies", tuple((f,) for f in range(len(B))))
    trivial = table == tuple((f,) for f in range(len(B)))
    sizes = spec.get("num_controls", tuple(int(b.shape[-1]) for b in B) if trivial else None)
    if (
        sizes is None
        or len(table) != len(B)
        or any(not 0 <= c < len(sizes) for row in table for c in row)
    ):
        errors.append(
            f"B_action_dependencies = {_to_json(table)} needs one row per factor ({len(B)}) and "
            f"num_controls with a size for each control; num_controls = {_to_json(sizes)}"
        )
        raise ModelError(errors)
    if trivial or not _one_to_one(table):
        return B, table, tuple(sizes)
    widened = [
        b if row or _has_unit_axis(b, spec, f) else b[..., None]
        for f, (b, row) in enumerate(zip(B, table, strict=True))
    ]
    return (
        widened,
        tuple((f,) for f in range(len(B))),
        tuple(sizes[row[0]] if row else 1 for row in table),
    )


def _one_to_one(table: Table) -> bool:
    used = [c for row in table for c in row]
    return all(len(row) <= 1 for row in table) and len(set(used)) == len(used)


def _has_unit_axis(b: F64, spec: Mapping[str, Any], f: int) -> bool:
    parents = spec["B_dependencies"][f] if f < len(spec.get("B_dependencies", ())) else (f,)
    return b.ndim == 2 + len(parents)


def _with_unit_axis(counts: F64, b: F64) -> F64:
    """Add a trailing axis of length 1 to counts whose B has one."""
    return counts[..., None] if (*counts.shape, 1) == b.shape else counts


def _assemble(
    source: ModelSource, arrays: Mapping[str, list[F64]], spec: Mapping[str, Any], errors: list[str]
) -> Model:
    A, B, controls = arrays["A"], arrays["B"], spec["num_controls"]
    num_obs = tuple(int(a.shape[0]) for a in A)
    num_states = tuple(int(b.shape[0]) for b in B)
    of_version = LEGACY_DEFAULTS if spec.get("semantics") == LEGACY else {}
    policies, kind = _policies(source.policies, controls, spec, errors)
    parameters = idle.parameters(
        DEFAULTS | of_version | {key: value for key, value in spec.items() if key in DEFAULTS},
        len(policies),
    )
    pB = [_with_unit_axis(p, b) for p, b in zip(arrays["pB"], B)] + arrays["pB"][len(B) :]
    C = idle.preferences(arrays["C"], num_obs, policies.shape[1], parameters) or [
        np.full(n, 1.0) / n for n in num_obs
    ]
    E = _prior_of_policies(source.E, errors)
    reads = spec.get("B_dependencies", tuple((f,) for f in range(len(B))))
    goals = _goals(arrays, parameters, num_states, reads, errors)
    return Model(
        **(parameters | {"policy_len": int(policies.shape[1])}),
        num_obs=num_obs,
        num_states=num_states,
        num_controls=controls,
        A_dependencies=spec.get("A_dependencies", tuple(tuple(range(len(B))) for _ in A)),
        B_dependencies=reads,
        I=tuple(goals),
        inductive_lengths=tuple(len(rows) for rows in goals),
        utility_only=tuple(sorted(spec.get("utility_only", ()))),
        B_action_dependencies=spec["B_action_dependencies"],
        C_time_varying=tuple(c.ndim > 1 for c in C),
        policies_kind=kind,
        num_policies=int(policies.shape[0]),
        has_E=E is not None,
        A=tuple(A),
        B=tuple(B),
        C=tuple(C),
        D=tuple(arrays["D"] or [np.full(n, 1.0) / n for n in num_states]),
        E=E,
        policies=policies,
        pA=tuple(arrays["pA"]),
        pB=tuple(pB),
    )


def _goals(
    arrays: Mapping[str, list[F64]],
    parameters: Mapping[str, Any],
    num_states: Sequence[int],
    reads: Table,
    errors: list[str],
) -> list[F64]:
    """Return I as given, or computed from the goals H; both require use_inductive."""
    H, goals = arrays["H"], arrays["I"]
    if (H or goals) and not parameters["use_inductive"]:
        errors.append("H and I (goals) have no place in a model without use_inductive = true")
        return []
    if not H or errors:
        return goals
    if parameters["learn_B"]:
        errors.append(MOVING_GOALS)
    depth = parameters["inductive_depth"]
    wrong = inductive.goal_errors(H, num_states, reads, depth)
    errors += wrong
    return (
        []
        if wrong
        else inductive.reachability(H, arrays["B"], parameters["inductive_threshold"], depth)
    )


def _prior_of_policies(value: Any, errors: list[str]) -> F64 | None:
    if value is None:
        return None
    converted = _arrays("E", [value], errors)
    # A single number shifts all policies alike.
    return converted[0] if converted and converted[0].size > 1 else None


def _policies(
    listed: Any, controls: tuple[int, ...], spec: Mapping[str, Any], errors: list[str]
) -> tuple[NDArray[np.int32], str]:
    """Return the policy table (one column for each control with a choice) and its kind.

    The kind is "full" or "listed".
    """
    if listed is None:
        if spec.get("policy_len", 1) < 1 or min(controls) < 1:
            raise ModelError(
                [
                    *errors,
                    f"policy_len = {spec.get('policy_len', 1)} and num_controls = "
                    f"{_to_json(controls)} must be >= 1",
                ]
            )
        return full_policies(controls, spec.get("policy_len", 1)), "full"
    table = np.asarray(listed)
    columns = list(control_factors(controls))
    wide = (len(controls), len(columns))
    if table.dtype.kind not in "iu" or table.ndim != 3 or table.shape[2] not in wide:
        raise ModelError(
            [
                *errors,
                f"policies (dtype {table.dtype}, shape {table.shape}) must be integers "
                f"of the shape (policies, policy_len, {len(controls)} controls)",
            ]
        )
    if len(table) > MAX_POLICIES:
        raise ModelError(
            [*errors, f"{len(table)} policies are listed, more than {MAX_POLICIES}: list fewer"]
        )
    if table.shape[2] == len(controls):
        idle = [c for c in range(len(controls)) if c not in columns and np.any(table[:, :, c] != 0)]
        errors += [
            f"policies: control {c} has one action, so its column may hold 0 only" for c in idle
        ]
        table = table[:, :, columns]
    if spec.get("policy_len", table.shape[1]) != table.shape[1]:
        errors.append(
            f"policy_len = {spec['policy_len']} contradicts policies of length {table.shape[1]}"
        )
    if table.size and (table.min() < -1 or table.max() > 2**30):
        raise ModelError([*errors, "policies holds numbers that cannot be actions"])
    return table.astype(np.int32), "full" if is_full(table, controls) else "listed"


def is_full(table: NDArray[Any], controls: tuple[int, ...]) -> bool:
    """Return whether policies (policies, length, controls) are all action sequences in pymdp's
    order.
    """
    choices = int(np.prod([float(controls[c]) for c in control_factors(controls)] or [1.0]))
    if table.shape[1] < 1 or float(choices) ** table.shape[1] != table.shape[0]:
        return False
    return bool(np.array_equal(table, full_policies(controls, table.shape[1])))
