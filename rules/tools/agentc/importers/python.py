"""Import a Python source: call its entry once and read the model that it returns."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers import pymdp007 as ingest_legacy, resolve as model_source
from agentc.importers.json_input import read_json
from agentc.importers.main import ModelAndLabels
from agentc.importers.parameters import DEFAULTS
from agentc.importers.pymdp_distributions import is_blank, is_labelled, items, labels_of, with_lists
from agentc.importers.python_source import run_entry
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir.types import ModelError

ARRAYS = ("A", "B", "C", "D", "E", "H", "I", "policies", "pA", "pB")


def source_of(value: Any) -> ModelSource:
    """Return the entry's result as a Source; ModelError if it is not a model."""
    if isinstance(value, Mapping) and "agent" in value:
        rest = {str(key): item for key, item in value.items() if key != "agent"}
        own = source_of(value["agent"])
        return replace(own, spec={**own.spec, **rest})
    if isinstance(value, Mapping):
        return _from_dict(value)
    if any(
        kind.__name__ == "Agent" and kind.__module__.startswith("pymdp.")
        for kind in type(value).__mro__
    ):
        return (
            ingest_legacy.source_of(value) if ingest_legacy.is_legacy(value) else _from_agent(value)
        )
    description = (
        "nothing (a function gives what follows `return`)"
        if value is None
        else type(value).__name__
    )
    raise ModelError([f"the entry returned {description}: wanted: a dict with A, B or an Agent"])


def _from_dict(result: Mapping[str, Any]) -> ModelSource:
    value = with_lists(result)
    lists = {
        letter: _list(value.get(letter)) for letter in ("A", "B", "C", "D", "H", "I", "pA", "pB")
    }
    if is_labelled(value.get("H")) and is_blank(value["H"]):
        lists["H"] = None
    spec = {
        str(key): _to_python(item)
        for key, item in value.items()
        if key not in ARRAYS and item is not None
    }
    if is_labelled(value.get("A")) and is_labelled(value.get("B")):
        # The labels say the same, and say it of the table's axes as they are.
        explicit = {
            key: item
            for key, item in spec.items()
            if key not in ("B_action_dependencies", "num_controls")
        }
        spec = labels_of(value["A"], value["B"]) | explicit
    return ModelSource(
        A=lists["A"] or [],
        B=lists["B"] or [],
        C=lists["C"],
        D=lists["D"],
        E=_array(value.get("E")),
        policies=_array(value.get("policies")),
        H=lists["H"],
        I=lists["I"],
        pA=lists["pA"],
        pB=lists["pB"],
        spec=spec,
    )


def _list(arrays: Any) -> list[Any] | None:
    """Return the arrays of one letter from a list, a legacy object array, or a single array."""
    if arrays is None:
        return None
    if isinstance(arrays, list | tuple) or (
        isinstance(arrays, np.ndarray) and arrays.dtype == object
    ):
        return [_array(item) for item in arrays]
    if items(arrays):
        return [_array(item) for item in items(arrays)]
    return [_array(arrays)]


def _array(item: Any) -> Any:
    """Return a plain array from an array, a pymdp Distribution (its .data) or None."""
    if item is None:
        return None
    inner = getattr(item, "data", None)
    return np.asarray(item if inner is None or isinstance(inner, memoryview) else inner)


def _to_python(item: Any) -> Any:
    """Convert numpy and jax scalars to Python numbers, recursively."""
    if isinstance(item, Mapping):
        return {str(key): _to_python(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [_to_python(value) for value in item]
    if item is None or isinstance(item, str | bool | int | float):
        return item
    return _scalar(item)


def _scalar(item: Any) -> Any:
    """Return the intended number: float32 0.1 is 0.100000001490116, its shortest decimal is 0.1."""
    array = np.asarray(item).reshape(-1)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ModelError(
            [f"a parameter is {type(item).__name__} of shape {np.shape(item)}, not one number"]
        )
    number = array[0]
    return float(str(number)) if array.dtype.kind == "f" else number.item()


def _from_agent(agent: Any) -> ModelSource:
    """Return the parameters and arrays of a pymdp 1.x Agent without its batch axis of one.

    Values that pymdp ignores are dropped: H and I without use_inductive, policy_len beside
    policies.
    """
    errors = _agent_errors(agent)
    if errors:
        raise ModelError(errors)
    policies = np.asarray(agent.policies.policy_arr).astype(np.int32)
    values = {
        key: getattr(agent, key) for key in DEFAULTS if key not in ("plan_every", "semantics")
    }
    spec = {key: _to_python(value) for key, value in values.items() if value is not None}
    spec |= {key: _to_python(getattr(agent, key)) for key in ("A_dependencies", "B_dependencies")}
    # pymdp reads its own policy_len only to construct policies.
    spec["policy_len"] = int(policies.shape[1])
    controls = tuple(int(n) for n in agent.num_controls)
    if agent.action_maps is not None:
        return _split_controls(agent, spec)
    spec["num_controls"] = list(controls)
    chosen = policies[:, :, [c for c, n in enumerate(controls) if n > 1]]
    full = model_source.is_full(chosen, controls)
    return replace(_without_batch(agent, spec), policies=None if full else policies)


def _without_batch(agent: Any, spec: dict[str, Any]) -> ModelSource:
    """Return the arrays of an Agent without their batch axis; policies are dropped."""
    lists = {
        letter: None
        if getattr(agent, letter) is None
        else [_array(item)[0] for item in getattr(agent, letter)]
        for letter in ("C", "D", "pA", "pB")
    }
    return ModelSource(
        A=[_array(a)[0] for a in agent.A],
        B=[_array(b)[0] for b in agent.B],
        E=_array(agent.E)[0],
        spec=spec,
        I=[_array(rows)[0] for rows in agent.I] if agent.use_inductive else None,
        **lists,
    )


def _split_controls(agent: Any, spec: dict[str, Any]) -> ModelSource:
    """Split the joined control axis of each factor into one axis for each control."""
    sizes = [int(n) for n in agent.num_controls_multi]
    table = [[int(c) for c in row] for row in agent.B_action_dependencies]
    spec |= {"B_action_dependencies": table, "num_controls": sizes}
    source = _without_batch(agent, spec)

    def split(arrays: Sequence[Any]) -> list[Any]:
        return [
            b.reshape(*b.shape[:-1], *(sizes[c] for c in row))
            for b, row in zip(arrays, table, strict=True)
        ]

    return replace(source, B=split(source.B), pB=split(source.pB) if source.pB else None)


def _agent_errors(agent: Any) -> list[str]:
    if not all(
        hasattr(agent, name) for name in ("policies", "A_dependencies", "batch_size", "action_maps")
    ):
        return [
            "this Agent is none of pymdp 1.x or 0.0.7: return a dict with A, B, C, D and every "
            "parameter"
        ]
    errors = (
        [f"the Agent has batch_size = {agent.batch_size}: build it with batch_size = 1"]
        if agent.batch_size != 1
        else []
    )
    if agent.use_inductive and agent.H is not None and agent.learn_B:
        errors.append(model_source.MOVING_GOALS)
    if getattr(agent, "preprocess_fn", None) is not None:
        errors.append(
            "the Agent has a preprocess_fn: Python code cannot be part of a compiled model"
        )
    return errors


def make(
    source: Path, entry: str, arguments: str, inference: str, *, inputs: bool
) -> ModelAndLabels:
    """Run the file; return the model and its labels.

    Raises ModelError with all errors, after it has printed the lines of the user's code that
    failed.
    """
    try:
        value = run_entry(source, entry, read_json(arguments, "--args"), inputs)
        return resolve(source_of(value), read_json(inference, "--inference"))
    except ModelError as error:
        print("\n".join(["", *getattr(error, "calls", ())]), file=sys.stderr, flush=True)
        raise


def print_at_once() -> None:
    """Write each printed line at once, so that the log has it even if the process is killed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)


def quiet_libraries() -> None:
    """Configure libraries for a sandbox without home folder, display and accelerator."""
    os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    atexit.register(gc.callbacks.clear)  # jax's callback prints a traceback at interpreter shutdown
