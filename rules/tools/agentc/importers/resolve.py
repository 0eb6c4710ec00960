"""From loose arrays and parameters to a validated, normalised Model: what every kind of source shares."""

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
    ModelFault,
    Table,
    control_factors,
    full_policies,
)
from agentc.ir.validate import normalise, validate
from numpy.typing import NDArray

MOVING_GOALS = (
    "H with use_inductive = true and learn_B = true: pymdp makes I of H again whenever it has learned, which is not "
    "built; give the table I instead of H, which stays as it is"
)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What a model source says: arrays as given, and its parameters and labels under pymdp's words."""

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


def resolve(source: Source, overrides: Mapping[str, Any]) -> tuple[Model, dict[str, Any]]:
    """The model and the content of labels.json; ModelFault lists everything that is wrong.

    Parameters: `overrides` first, then the source's own, then the defaults of pymdp 1, or of 0.0.7 where that is meant.
    """
    faults: list[str] = []
    spec = read_parameters(source.spec, "model", faults)
    spec |= read_parameters(overrides, "inference", faults)
    known = len(faults)
    labels = model_labels.read_labels(spec, faults)
    arrays = {
        letter: _arrays(letter, getattr(source, letter), faults)
        for letter in ("A", "B", "C", "D", "pA", "pB")
    }
    if not arrays["A"] or not arrays["B"]:
        missing = " and ".join(f"no {letter}" for letter in "AB" if not arrays[letter])
        faults.append(
            f"a model needs at least one A (observations) and one B (transitions): there is {missing}"
        )
    arrays |= {letter: _arrays(letter, getattr(source, letter), faults) for letter in "HI"}
    if len(faults) == known and arrays["A"] and arrays["B"]:
        spec |= _named(labels, spec, arrays, faults)
    if faults:
        raise ModelFault(faults)
    B, actions, controls = _actions(arrays["B"], spec, faults)
    model = _assemble(
        source,
        arrays | {"B": B},
        spec | {"B_action_dependencies": actions, "num_controls": controls},
        faults,
    )
    faults += [model_labels.explained(fault, labels, source.spec) for fault in validate(model)]
    names = model_labels.document(labels, model, faults)
    if faults:
        raise ModelFault(faults)
    return normalise(model), names


def _arrays(letter: str, given: Sequence[Any] | None, faults: list[str]) -> list[F64]:
    found = []
    for i, value in enumerate(given if given is not None else ()):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub" or array.ndim < 1 or array.size < 1:
            faults.append(
                f"{letter}{i} is not an array of numbers: dtype {array.dtype}, shape {array.shape}"
            )
            continue
        found.append(array.astype(np.float64))
    return found


def _named(
    labels: model_labels.Labels,
    spec: Mapping[str, Any],
    arrays: Mapping[str, list[F64]],
    faults: list[str],
) -> dict[str, Any]:
    """Dependencies that the labels give; where the model states them too, they must agree."""
    found = model_labels.structure(labels, arrays["A"], arrays["B"], spec, faults)
    faults += [
        f"{key} = {_plain(spec[key])} contradicts the labels, which say {_plain(value)}"
        for key, value in found.items()
        if key in spec and spec[key] != value
    ]
    return found


def _plain(table: Any) -> str:
    return json.dumps(table)


def _actions(
    B: list[F64], spec: Mapping[str, Any], faults: list[str]
) -> tuple[list[F64], Table, tuple[int, ...]]:
    """B with action axes as the model's lists say; one control per factor where that says the same.

    The same agent must have one form: a factor without control gets a trailing axis of length 1, as in pymdp.
    """
    table: Table = spec.get("B_action_dependencies", tuple((f,) for f in range(len(B))))
    trivial = table == tuple((f,) for f in range(len(B)))
    sizes = spec.get("num_controls", tuple(int(b.shape[-1]) for b in B) if trivial else None)
    if (
        sizes is None
        or len(table) != len(B)
        or any(not 0 <= c < len(sizes) for row in table for c in row)
    ):
        faults.append(
            f"B_action_dependencies = {_plain(table)} needs one row per factor ({len(B)}) and "
            f"num_controls with a size for each control; num_controls = {_plain(sizes)}"
        )
        raise ModelFault(faults)
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


def _as_wide(counts: F64, b: F64) -> F64:
    """Counts of a B that got a trailing axis of length 1 get it, too."""
    return counts[..., None] if (*counts.shape, 1) == b.shape else counts


def _assemble(
    source: Source, arrays: Mapping[str, list[F64]], spec: Mapping[str, Any], faults: list[str]
) -> Model:
    A, B, controls = arrays["A"], arrays["B"], spec["num_controls"]
    num_obs = tuple(int(a.shape[0]) for a in A)
    num_states = tuple(int(b.shape[0]) for b in B)
    of_version = LEGACY_DEFAULTS if spec.get("semantics") == LEGACY else {}
    policies, kind = _policies(source.policies, controls, spec, faults)
    parameters = idle.parameters(
        DEFAULTS | of_version | {key: value for key, value in spec.items() if key in DEFAULTS},
        len(policies),
    )
    pB = [_as_wide(p, b) for p, b in zip(arrays["pB"], B)] + arrays["pB"][len(B) :]
    C = idle.preferences(arrays["C"], num_obs, policies.shape[1], parameters) or [
        np.full(n, 1.0) / n for n in num_obs
    ]
    E = _prior_of_policies(source.E, faults)
    reads = spec.get("B_dependencies", tuple((f,) for f in range(len(B))))
    goals = _goals(arrays, parameters, num_states, reads, faults)
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
    faults: list[str],
) -> list[F64]:
    """I of inductive planning as given, or from the goals H; both mean nothing without use_inductive."""
    H, given = arrays["H"], arrays["I"]
    if (H or given) and not parameters["use_inductive"]:
        faults.append("H and I (goals) have no place in a model without use_inductive = true")
        return []
    if not H or faults:
        return given
    if parameters["learn_B"]:
        faults.append(MOVING_GOALS)
    depth = parameters["inductive_depth"]
    wrong = inductive.faults(H, num_states, reads, depth)
    faults += wrong
    return (
        []
        if wrong
        else inductive.reachable(H, arrays["B"], parameters["inductive_threshold"], depth)
    )


def _prior_of_policies(given: Any, faults: list[str]) -> F64 | None:
    if given is None:
        return None
    found = _arrays("E", [given], faults)
    return found[0] if found and found[0].size > 1 else None  # one number shifts all policies alike


def _policies(
    given: Any, controls: tuple[int, ...], spec: Mapping[str, Any], faults: list[str]
) -> tuple[NDArray[np.int32], str]:
    """The policy table, one column per control that offers a choice, and its kind: "full" or "listed"."""
    if given is None:
        if spec.get("policy_len", 1) < 1 or min(controls) < 1:
            raise ModelFault(
                [
                    *faults,
                    f"policy_len = {spec.get('policy_len', 1)} and num_controls = "
                    f"{_plain(controls)} must be >= 1",
                ]
            )
        return full_policies(controls, spec.get("policy_len", 1)), "full"
    table = np.asarray(given)
    columns = list(control_factors(controls))
    wide = (len(controls), len(columns))
    if table.dtype.kind not in "iu" or table.ndim != 3 or table.shape[2] not in wide:
        raise ModelFault(
            [
                *faults,
                f"policies (dtype {table.dtype}, shape {table.shape}) must be integers "
                f"of the shape (policies, policy_len, {len(controls)} controls)",
            ]
        )
    if len(table) > MAX_POLICIES:
        raise ModelFault(
            [*faults, f"{len(table)} policies are listed, more than {MAX_POLICIES}: list fewer"]
        )
    if table.shape[2] == len(controls):
        idle = [c for c in range(len(controls)) if c not in columns and np.any(table[:, :, c] != 0)]
        faults += [
            f"policies: control {c} has one action, so only 0 may stand in its column" for c in idle
        ]
        table = table[:, :, columns]
    if spec.get("policy_len", table.shape[1]) != table.shape[1]:
        faults.append(
            f"policy_len = {spec['policy_len']} contradicts policies of length {table.shape[1]}"
        )
    if table.size and (table.min() < -1 or table.max() > 2**30):
        raise ModelFault([*faults, "policies holds numbers that cannot be actions"])
    return table.astype(np.int32), "full" if is_full(table, controls) else "listed"


def is_full(table: NDArray[Any], controls: tuple[int, ...]) -> bool:
    """Whether policies (policies, length, controls that offer a choice) are all sequences of actions in pymdp's order."""
    choices = int(np.prod([float(controls[c]) for c in control_factors(controls)] or [1.0]))
    if table.shape[1] < 1 or float(choices) ** table.shape[1] != table.shape[0]:
        return False
    return bool(np.array_equal(table, full_policies(controls, table.shape[1])))
