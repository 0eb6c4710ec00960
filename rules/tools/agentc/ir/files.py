"""Files of the intermediate representation: a folder of canonical JSON and little-endian
tensors.

Everything with a meaning is written and nothing else, so equal agents have equal bytes: a change of
names or comments in the source does not change the IR. Shapes of the tensors follow from
model.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from agentc.ir.types import (
    F64,
    I32,
    MAX_POLICIES,
    SCHEMA,
    SEMANTICS,
    Model,
    ModelError,
    control_factors,
    full_policies,
    shape_A,
    shape_B,
    shape_C,
    shape_I,
)
from agentc.ir.validate import normalise, structure_errors, validate
from numpy.typing import NDArray

MAX_JSON = 1 << 20
MAX_TENSOR = 1 << 30

__all__ = [
    "F64",
    "I32",
    "KINDS",
    "MAX_POLICIES",
    "MAX_TENSOR",
    "SCHEMA",
    "SEMANTICS",
    "Model",
    "ModelError",
    "canonical_json",
    "control_factors",
    "full_policies",
    "header",
    "load",
    "normalise",
    "save",
    "shape_A",
    "shape_B",
    "shape_C",
    "shape_I",
    "tensors",
    "validate",
]

KINDS: dict[str, str] = {
    "schema": "int",
    "semantics": "str",
    "num_obs": "ints",
    "num_states": "ints",
    "num_controls": "ints",
    "A_dependencies": "table",
    "B_dependencies": "table",
    "B_action_dependencies": "table",
    "C_time_varying": "bools",
    "policy_len": "int",
    "policies": "str",
    "num_policies": "int",
    "has_E": "bool",
    "has_pA": "bool",
    "has_pB": "bool",
    "gamma": "float",
    "alpha": "float",
    "num_iter": "int",
    "inference_algo": "str",
    "inference_horizon": "int?",
    "action_selection": "str",
    "sampling_mode": "str",
    "use_utility": "bool",
    "use_states_info_gain": "bool",
    "use_param_info_gain": "bool",
    "use_inductive": "bool",
    "inductive_depth": "int",
    "inductive_threshold": "float",
    "inductive_epsilon": "float",
    "inductive_lengths": "ints",
    "categorical_obs": "bool",
    "learning_mode": "str",
    "learn_A": "bool",
    "learn_B": "bool",
    "learn_C": "bool",
    "learn_D": "bool",
    "learn_E": "bool",
    "plan_every": "int",
    "utility_only": "ints",
}
"""Keys of model.json and the kinds of their values. Floats are float.hex() strings."""
OMITTED_AT_DEFAULT: dict[str, Any] = {"plan_every": 1, "utility_only": []}
"""Later keys: model.json omits them at their default, so that older models keep their bytes."""


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """Encode JSON with sorted keys, without blanks or NaN, and with one newline at the end."""
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
    )
    return (text + "\n").encode("ascii")


def header(model: Model) -> dict[str, Any]:
    """Return the content of model.json."""
    document: dict[str, Any] = {}
    for key, kind in KINDS.items():
        value = getattr(model, "policies_kind" if key == "policies" else key)
        if isinstance(value, tuple) and key in OMITTED_AT_DEFAULT:
            value = list(value)
        if key not in OMITTED_AT_DEFAULT or value != OMITTED_AT_DEFAULT[key]:
            document[key] = float(value).hex() if kind == "float" else value
    return document


def tensors(model: Model) -> dict[str, NDArray[Any]]:
    """Return file name -> array, little-endian and contiguous, with -0.0 written as 0.0."""
    named = {
        f"{letter}{i}.f64": array
        for letter in ("A", "B", "C", "D", "pA", "pB")
        for i, array in enumerate(getattr(model, letter))
    }
    if model.E is not None:
        named["E.f64"] = model.E
    named |= {f"I{f}.f64": rows for f, rows in enumerate(model.I)}
    arrays: dict[str, NDArray[Any]] = {
        name: np.ascontiguousarray(array, dtype="<f8") + 0.0 for name, array in named.items()
    }
    arrays["policies.i32"] = np.ascontiguousarray(model.policies, dtype="<i4")
    return arrays


def save(model: Model, folder: Path | str) -> None:
    """Write the folder; equal models give equal bytes on every machine."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    (root / "model.json").write_bytes(canonical_json(header(model)))
    for name, array in sorted(tensors(model).items()):
        (root / name).write_bytes(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())


def load(folder: Path | str) -> Model:
    """Read a folder written by `save`; ModelError for a missing file or a wrong size or type."""
    root = Path(folder)
    path = root / "model.json"
    if path.stat().st_size > MAX_JSON:
        raise ModelError(
            [
                f"{path.name} of {path.stat().st_size} bytes is larger than {MAX_JSON}: the "
                "model has too many "
                "modalities, factors or dependencies; join some"
            ]
        )
    fields = _fields(json.loads(path.read_bytes()))
    fields["policies_kind"] = fields.pop("policies")
    counted = {letter for letter in ("pA", "pB") if fields.pop(f"has_{letter}")}
    empty = Model(**fields, A=(), B=(), C=(), D=(), E=None, policies=np.zeros((0, 0, 0), np.int32))
    errors = structure_errors(empty)
    if errors:
        raise ModelError(errors)
    return _with_tensors(empty, fields, root, counted)


def _with_tensors(empty: Model, fields: dict[str, Any], root: Path, counted: set[str]) -> Model:
    modalities, factors = range(len(empty.num_obs)), range(len(empty.num_states))
    shape = (empty.num_policies, empty.policy_len, len(empty.control_factors))
    return Model(
        **fields,
        A=tuple(_read(root, f"A{m}.f64", shape_A(empty, m)) for m in modalities),
        B=tuple(_read(root, f"B{f}.f64", shape_B(empty, f)) for f in factors),
        C=tuple(_read(root, f"C{m}.f64", shape_C(empty, m)) for m in modalities),
        D=tuple(_read(root, f"D{f}.f64", (empty.num_states[f],)) for f in factors),
        I=tuple(
            _read(root, f"I{f}.f64", shape_I(empty, f)) for f in range(len(empty.inductive_lengths))
        ),
        E=_read(root, "E.f64", (empty.num_policies,)) if empty.has_E else None,
        pA=tuple(
            _read(root, f"pA{m}.f64", shape_A(empty, m)) for m in modalities if "pA" in counted
        ),
        pB=tuple(_read(root, f"pB{f}.f64", shape_B(empty, f)) for f in factors if "pB" in counted),
        policies=_read_raw(root / "policies.i32", "<i4", shape).astype(np.int32, copy=False),
    )


def _read(root: Path, name: str, shape: tuple[int, ...]) -> F64:
    return _read_raw(root / name, "<f8", shape).astype(np.float64, copy=False)


def _read_raw(path: Path, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    wanted = math.prod(shape) * np.dtype(dtype).itemsize
    if wanted > MAX_TENSOR or not path.is_file() or path.stat().st_size != wanted:
        raise ModelError(
            [f"{path.name} should hold {wanted} bytes: shape {shape} according to model.json"]
        )
    array = np.frombuffer(path.read_bytes(), dtype=dtype).reshape(shape)
    array.flags.writeable = False
    return array


def _fields(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict) or set(document) | set(OMITTED_AT_DEFAULT) != set(KINDS):
        odd = (
            sorted((set(document) | set(OMITTED_AT_DEFAULT)) ^ set(KINDS))
            if isinstance(document, dict)
            else ["not an object"]
        )
        raise ModelError([f"model.json: missing or unknown: {', '.join(odd)}"])
    errors: list[str] = []
    fields: dict[str, Any] = {}
    document = OMITTED_AT_DEFAULT | document
    for key, kind in KINDS.items():
        try:
            fields[key] = _value(kind, document[key])
        except (TypeError, ValueError):
            errors.append(f"model.json: {key} = {document[key]!r} is not of the kind {kind!r}")
    if errors:
        raise ModelError(errors)
    if fields["schema"] != SCHEMA:
        raise ModelError([f"model.json: schema {fields['schema']} is not {SCHEMA}"])
    return fields


def _value(kind: str, value: Any) -> Any:
    if kind == "int?" and value is None:
        return None
    if kind in ("int", "int?"):
        return _typed(value, int)
    if kind == "float":
        return float.fromhex(_typed(value, str))
    if kind == "ints":
        return tuple(_typed(item, int) for item in _typed(value, list))
    if kind == "bools":
        return tuple(_typed(item, bool) for item in _typed(value, list))
    if kind == "table":
        return tuple(
            tuple(_typed(item, int) for item in _typed(row, list)) for row in _typed(value, list)
        )
    return _typed(value, bool if kind == "bool" else str)


def _typed(value: Any, wanted: type) -> Any:
    if type(value) is not wanted:
        raise TypeError(wanted.__name__)
    return value
