"""Action `ingest_python`: run a Python model source once -> IR folder and labels.json.

    python3 import_python.py --source FILE.py [--entry build] [--inputs] [--args JSON] [--inference JSON]
        --out DIR [--labels FILE]

The entry returns a dict (A, B, C, D, E, policies and pymdp's parameter names), a pymdp.agent.Agent of 1.x or 0.0.7, or a
dict with the key "agent" and labels beside it. The file runs with this process's rights: the caller sandboxes it. Where and
how it runs is in python_source.py.
"""

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
from agentc.importers.main import Made
from agentc.importers.parameters import DEFAULTS
from agentc.importers.pymdp_distributions import in_order, is_blank, is_labelled, items, labels_of
from agentc.importers.python_source import run_entry
from agentc.importers.resolve import Source, resolve
from agentc.ir.types import ModelFault

ARRAYS = ("A", "B", "C", "D", "E", "H", "I", "policies", "pA", "pB")


def source_of(value: Any) -> Source:
    """What the entry returned as a Source; ModelFault for anything that is not a model."""
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
    found = (
        "nothing (a function gives what follows `return`)"
        if value is None
        else type(value).__name__
    )
    raise ModelFault([f"the entry returned {found}: wanted: a dict with A, B or an Agent"])


def _from_dict(given: Mapping[str, Any]) -> Source:
    value = in_order(given)
    lists = {
        letter: _list(value.get(letter)) for letter in ("A", "B", "C", "D", "H", "I", "pA", "pB")
    }
    if is_labelled(value.get("H")) and is_blank(value["H"]):
        lists["H"] = None
    spec = {
        str(key): _plain(item)
        for key, item in value.items()
        if key not in ARRAYS and item is not None
    }
    if is_labelled(value.get("A")) and is_labelled(value.get("B")):
        # The labels say the same, and say it of the table's axes as they are.
        said = {
            key: item
            for key, item in spec.items()
            if key not in ("B_action_dependencies", "num_controls")
        }
        spec = labels_of(value["A"], value["B"]) | said
    return Source(
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


def _list(given: Any) -> list[Any] | None:
    """Arrays of one letter: a list, or a legacy object array; a single plain array stands for itself."""
    if given is None:
        return None
    if isinstance(given, list | tuple) or (isinstance(given, np.ndarray) and given.dtype == object):
        return [_array(item) for item in given]
    if items(given):
        return [_array(item) for item in items(given)]
    return [_array(given)]


def _array(item: Any) -> Any:
    """Plain array of an array, a pymdp Distribution (its .data is the table) or None."""
    if item is None:
        return None
    inner = getattr(item, "data", None)
    return np.asarray(item if inner is None or isinstance(inner, memoryview) else inner)


def _plain(item: Any) -> Any:
    """numpy and jax scalars as Python numbers; lists and tables item by item."""
    if isinstance(item, Mapping):
        return {str(key): _plain(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [_plain(value) for value in item]
    if item is None or isinstance(item, str | bool | int | float):
        return item
    return _scalar(item)


def _scalar(item: Any) -> Any:
    """The number meant: 0.1 kept as float32 is 0.100000001490116, its shortest decimal is 0.1 again."""
    array = np.asarray(item).reshape(-1)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ModelFault(
            [f"a parameter is {type(item).__name__} of shape {np.shape(item)}, not one number"]
        )
    number = array[0]
    return float(str(number)) if array.dtype.kind == "f" else number.item()


def _from_agent(agent: Any) -> Source:
    """All static parameters and the arrays of a pymdp 1.x Agent, its batch axis of one taken off.

    What pymdp carries and never looks at is left out: H and I without use_inductive, and policy_len beside policies.
    """
    faults = _agent_faults(agent)
    if faults:
        raise ModelFault(faults)
    policies = np.asarray(agent.policies.policy_arr).astype(np.int32)
    given = {key: getattr(agent, key) for key in DEFAULTS if key not in ("plan_every", "semantics")}
    spec = {key: _plain(value) for key, value in given.items() if value is not None}
    spec |= {key: _plain(getattr(agent, key)) for key in ("A_dependencies", "B_dependencies")}
    spec["policy_len"] = int(
        policies.shape[1]
    )  # pymdp looks at its own policy_len only to make policies
    controls = tuple(int(n) for n in agent.num_controls)
    if agent.action_maps is not None:
        return _flattened(agent, spec)
    spec["num_controls"] = list(controls)
    chosen = policies[:, :, [c for c, n in enumerate(controls) if n > 1]]
    full = model_source.is_full(chosen, controls)
    return replace(_batchless(agent, spec), policies=None if full else policies)


def _batchless(agent: Any, spec: dict[str, Any]) -> Source:
    """The arrays of an Agent without their batch axis of one; its policies are left out."""
    lists = {
        letter: None
        if getattr(agent, letter) is None
        else [_array(item)[0] for item in getattr(agent, letter)]
        for letter in ("C", "D", "pA", "pB")
    }
    return Source(
        A=[_array(a)[0] for a in agent.A],
        B=[_array(b)[0] for b in agent.B],
        E=_array(agent.E)[0],
        spec=spec,
        I=[_array(rows)[0] for rows in agent.I] if agent.use_inductive else None,
        **lists,
    )


def _flattened(agent: Any, spec: dict[str, Any]) -> Source:
    """An Agent that joined several controls into one axis per factor: each control gets its axis back."""
    sizes = [int(n) for n in agent.num_controls_multi]
    table = [[int(c) for c in row] for row in agent.B_action_dependencies]
    spec |= {"B_action_dependencies": table, "num_controls": sizes}
    found = _batchless(agent, spec)

    def split(arrays: Sequence[Any]) -> list[Any]:
        return [
            b.reshape(*b.shape[:-1], *(sizes[c] for c in row))
            for b, row in zip(arrays, table, strict=True)
        ]

    return replace(found, B=split(found.B), pB=split(found.pB) if found.pB else None)


def _agent_faults(agent: Any) -> list[str]:
    if not all(
        hasattr(agent, name) for name in ("policies", "A_dependencies", "batch_size", "action_maps")
    ):
        return [
            "this Agent is none of pymdp 1.x or 0.0.7: return a dict with A, B, C, D and every parameter"
        ]
    faults = (
        [f"the Agent has batch_size = {agent.batch_size}: build it with batch_size = 1"]
        if agent.batch_size != 1
        else []
    )
    if agent.use_inductive and agent.H is not None and agent.learn_B:
        faults.append(model_source.MOVING_GOALS)
    if getattr(agent, "preprocess_fn", None) is not None:
        faults.append(
            "the Agent has a preprocess_fn: Python code cannot be part of a compiled model"
        )
    return faults


def make(source: Path, entry: str, arguments: str, inference: str, *, inputs: bool) -> Made:
    """Run the file: the model and its labels; ModelFault with every reason why not, after the lines that show where."""
    try:
        value = run_entry(source, entry, read_json(arguments, "--args"), inputs)
        return resolve(source_of(value), read_json(inference, "--inference"))
    except ModelFault as fault:
        print("\n".join(["", *getattr(fault, "calls", ())]), file=sys.stderr, flush=True)
        raise


def print_at_once() -> None:
    """Let what the model prints be in the log in its order, and before it is killed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)


def quiet_libraries() -> None:
    """What model libraries need where there is no home folder, no display and no accelerator."""
    os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    atexit.register(
        gc.callbacks.clear
    )  # jax's prints a traceback when the interpreter has taken its modules apart
