"""Validation and normalisation of a model before compilation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from agentc.ir.columns import (
    column_errors,
    columns_to_one,
    first_place,
    without_negative_zeros,
)
from agentc.ir.types import (
    F64,
    LEGACY,
    SEMANTICS,
    Model,
    Table,
    full_policies,
    shape_A,
    shape_B,
    shape_C,
    shape_I,
)

WORDS: dict[str, tuple[str, ...]] = {
    "inference_algo": ("fpi", "vmp", "mmp", "ovf", "exact"),
    "action_selection": ("deterministic", "stochastic"),
    "sampling_mode": ("full", "marginal"),
    "learning_mode": ("online", "offline"),
    "policies_kind": ("full", "listed"),
}


def validate(model: Model) -> list[str]:
    """Return every error of the model with its place; an empty list means valid."""
    errors = structure_errors(model)
    if errors:
        return errors
    return [
        *_parameter_errors(model),
        *_tensor_errors(model),
        *_count_errors(model),
        *_policy_errors(model),
    ]


def normalise(model: Model) -> Model:
    """Divide each column of A, B and D by its correctly rounded sum; write -0.0 as 0.0; drop unused
    values.

    A constant E shifts all policy logits by the same amount and cancels in the posterior. Dirichlet
    counts are dropped without learning and parameter information gain, I without use_inductive.
    """
    prior = model.E
    if prior is not None and prior.size and bool(np.all(prior == prior[0])):
        prior = None
    return replace(
        model,
        A=tuple(columns_to_one(a) for a in model.A),
        B=tuple(columns_to_one(b) for b in model.B),
        C=tuple(without_negative_zeros(c) for c in model.C),
        D=tuple(columns_to_one(d) for d in model.D),
        E=None if prior is None else without_negative_zeros(prior),
        has_E=prior is not None,
        I=tuple(without_negative_zeros(i) for i in model.I) if model.use_inductive else (),
        inductive_lengths=model.inductive_lengths if model.use_inductive else (),
        pA=tuple(without_negative_zeros(a) for a in model.pA)
        if model.learn_A or model.use_param_info_gain
        else (),
        pB=tuple(without_negative_zeros(b) for b in model.pB)
        if model.learn_B or model.use_param_info_gain
        else (),
    )


def structure_errors(model: Model) -> list[str]:
    """Return errors of sizes and dependency lists. Shapes are undefined until there are none."""
    errors = [
        f"{name} = {list(sizes)} must hold at least one size, all >= 1"
        for name, sizes in (
            ("num_obs", model.num_obs),
            ("num_states", model.num_states),
            ("num_controls", model.num_controls),
        )
        if not sizes or min(sizes) < 1
    ]
    if model.policy_len < 1:
        errors.append(f"policy_len = {model.policy_len} must be >= 1")
    if len(model.C_time_varying) != len(model.num_obs):
        errors.append(
            f"C_time_varying has {len(model.C_time_varying)} entries, not {len(model.num_obs)}"
        )
    if any(not 0 <= m < len(model.num_obs) for m in model.utility_only) or len(
        set(model.utility_only)
    ) < len(model.utility_only):
        errors.append(
            f"utility_only = {list(model.utility_only)} must hold distinct modalities, 0 to "
            f"{len(model.num_obs) - 1}"
        )
    factors, controls = len(model.num_states), len(model.num_controls)
    if model.inductive_lengths and (
        len(model.inductive_lengths) != factors or min(model.inductive_lengths) < 1
    ):
        errors.append(
            f"inductive_lengths = {list(model.inductive_lengths)}: I needs one table of at least "
            "one row "
            f"for each of {factors} factors"
        )
    errors += _table_errors(
        "A_dependencies", model.A_dependencies, "modality", len(model.num_obs), limit=factors
    )
    errors += _table_errors(
        "B_dependencies", model.B_dependencies, "factor", factors, limit=factors
    )
    actions = model.B_action_dependencies
    errors += _table_errors("B_action_dependencies", actions, "factor", factors, limit=controls)
    return errors


def _table_errors(name: str, table: Table, noun: str, rows: int, *, limit: int) -> Iterator[str]:
    if len(table) != rows:
        yield f"{name} has {len(table)} rows, one per {noun} = {rows} expected"
    for i, row in enumerate(table):
        if len(set(row)) != len(row) or any(not 0 <= item < limit for item in row):
            yield f"{name}[{i}] = {list(row)} must hold distinct indices below {limit}"
        elif not row and name != "B_action_dependencies":
            yield f"{name}[{i}] is empty: it must name at least one state factor"


def _parameter_errors(model: Model) -> Iterator[str]:
    if model.semantics not in (LEGACY, SEMANTICS):
        yield (
            f"semantics = {model.semantics!r} is not supported; supported: {SEMANTICS!r} and "
            f"{LEGACY!r}"
        )
    if model.legacy:
        yield from _legacy_errors(model)
    for name, words in WORDS.items():
        value = getattr(model, name)
        if value not in words:
            yield f"{name.removesuffix('_kind')} = {value!r} is none of {', '.join(words)}"
    for name in ("gamma", "alpha", "inductive_threshold", "inductive_epsilon"):
        value = getattr(model, name)
        if not (math.isfinite(value) and value >= 0.0):
            yield f"{name} = {value!r} must be a finite number >= 0"
    if model.num_iter < 1:
        yield f"num_iter = {model.num_iter} must be >= 1"
    if model.inference_horizon is not None and model.inference_horizon < 1:
        yield f"inference_horizon = {model.inference_horizon} must be >= 1"
    yield from _planning_errors(model)
    if model.sampling_mode == "marginal" and model.groups_clash:
        yield (
            "sampling_mode = 'marginal' needs every control in one row of B_action_dependencies, "
            "or in equal rows: factors "
            "could choose it differently, use 'full' here"
        )


def _legacy_errors(model: Model) -> Iterator[str]:
    """Return errors of features that pymdp 0.0.7 lacks or restricts."""
    prefix = f"semantics = {LEGACY!r}"
    for name, only in (
        ("inference_algo", "fpi"),
        ("use_param_info_gain", False),
        ("use_inductive", False),
        *((f"learn_{letter}", False) for letter in "ABCDE"),
    ):
        if getattr(model, name) != only:
            yield (
                f"{prefix} with {name} = {getattr(model, name)!r}: of that version only "
                f"{only!r} is supported"
            )
    if model.utility_only:
        yield (
            f"{prefix} with utility_only = {list(model.utility_only)}: there information is "
            "gained of all modalities at once"
        )
    own = tuple((f,) for f in range(len(model.num_states)))
    for name in ("B_dependencies", "B_action_dependencies"):
        if getattr(model, name) != own:
            yield (
                f"{prefix} with {name} = {[list(row) for row in getattr(model, name)]}: there "
                "a factor moves by itself"
            )


def _planning_errors(model: Model) -> Iterator[str]:
    if not 1 <= model.plan_every <= model.policy_len:
        yield (
            f"plan_every = {model.plan_every} must be from 1 to policy_len = {model.policy_len}: "
            "between two plannings the "
            "actions of the chosen policy are executed, and it has so many"
        )
    elif model.keeps_plans and model.sampling_mode != "full":
        yield (
            f"plan_every = {model.plan_every} needs sampling_mode = 'full': 'marginal' chooses "
            "actions, not a policy whose "
            "next actions could follow"
        )


def _tensor_errors(model: Model) -> Iterator[str]:
    for name, tensors, wanted, sums in _expected(model):
        if tensors.shape != wanted:
            yield (
                f"{name} has the shape {tensors.shape}, the dependencies and sizes call for "
                f"{wanted}"
            )
        elif sums:
            yield from column_errors(name, tensors)
        elif not np.all(np.isfinite(tensors)):
            yield f"{name}{first_place(~np.isfinite(tensors))} is not a finite number"


def _count_errors(model: Model) -> Iterator[str]:
    """Return errors of Dirichlet counts: shape of A or B, finite, non-negative, no empty column."""
    for letter in "AB":
        arrays, counts = getattr(model, letter), getattr(model, f"p{letter}")
        if getattr(model, f"learn_{letter}") and not counts:
            yield (
                f"learn_{letter} = true needs p{letter}, the Dirichlet counts that are learned from"
            )
        if not (getattr(model, f"learn_{letter}") or model.use_param_info_gain):
            continue  # `normalise` leaves them out
        if counts and len(counts) != len(arrays):
            yield f"p{letter} has {len(counts)} arrays, {letter} has {len(arrays)}"
            continue
        for i, (array, count) in enumerate(zip(arrays, counts)):
            if count.shape != array.shape:
                yield f"p{letter}{i} has the shape {count.shape}, {letter}{i} has {array.shape}"
            elif not np.all(np.isfinite(count)) or np.any(count < 0.0):
                yield (
                    f"p{letter}{i}{first_place(~np.isfinite(count) | (count < 0.0))} is no count: "
                    "finite and >= 0 is"
                )
            elif np.any(count.sum(axis=0) <= 0.0):
                column = first_place(count.sum(axis=0) <= 0.0)[1:]
                yield f"p{letter}{i}[:,{column} holds no count at all"
    if model.use_param_info_gain and not (model.pA or model.pB):
        yield (
            "use_param_info_gain = true needs pA or pB, the Dirichlet counts whose change is "
            "the gain"
        )


def _expected(model: Model) -> Iterator[tuple[str, F64, tuple[int, ...], bool]]:
    modalities, factors = len(model.num_obs), len(model.num_states)
    for letter, wanted in (
        ("A", modalities),
        ("B", factors),
        ("C", modalities),
        ("D", factors),
        ("I", len(model.inductive_lengths)),
    ):
        tensors = getattr(model, letter)
        if len(tensors) != wanted:
            yield f"the list {letter}", np.zeros(len(tensors)), (wanted,), False
            continue
        for i, array in enumerate(tensors):
            yield f"{letter}{i}", array, _shape(model, letter, i), letter not in "CI"
    if model.has_E != (model.E is not None):
        yield "E", np.zeros(0), (model.num_policies,), False
    elif model.E is not None:
        yield "E", model.E, (model.num_policies,), False


def _shape(model: Model, letter: str, i: int) -> tuple[int, ...]:
    if letter == "A":
        return shape_A(model, i)
    if letter == "B":
        return shape_B(model, i)
    if letter == "I":
        return shape_I(model, i)
    return shape_C(model, i) if letter == "C" else (model.num_states[i],)


def _policy_errors(model: Model) -> Iterator[str]:
    wanted = (model.num_policies, model.policy_len, len(model.control_factors))
    if model.policies.shape != wanted or model.num_policies < 1:
        yield (
            f"policies has the shape {model.policies.shape}, not (policies, length, controls) "
            f"{wanted}"
        )
        return
    for column, control in enumerate(model.control_factors):
        actions = model.policies[:, :, column]
        bad = (actions < 0) | (actions >= model.num_controls[control])
        if np.any(bad):
            last = model.num_controls[control] - 1
            yield (
                f"policies{first_place(bad)[:-1]},{column}] is not an action of control {control} "
                f"(0..{last})"
            )
    if model.policies_kind == "full" and not np.array_equal(
        model.policies, full_policies(model.num_controls, model.policy_len)
    ):
        yield "policies = 'full' but the table is not the full product of the controls"
    if model.E is not None and model.E.shape == (model.num_policies,) and np.any(model.E < 0.0):
        yield f"E{first_place(model.E < 0.0)} is negative"
