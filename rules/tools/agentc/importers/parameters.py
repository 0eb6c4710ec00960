"""Parameters of a model: names, types and defaults of pymdp 1.0.4, read strictly."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from agentc.ir.types import SEMANTICS

DEFAULTS: dict[str, Any] = {
    "semantics": SEMANTICS,
    "policy_len": 1,
    "gamma": 1.0,
    "alpha": 1.0,
    "num_iter": 16,
    "inference_algo": "fpi",
    "inference_horizon": None,
    "action_selection": "deterministic",
    "sampling_mode": "full",
    "use_utility": True,
    "use_states_info_gain": True,
    "use_param_info_gain": False,
    "use_inductive": False,
    "inductive_depth": 1,
    "inductive_threshold": 0.1,
    "inductive_epsilon": 1e-3,
    "categorical_obs": False,
    "learning_mode": "online",
    "learn_A": False,
    "learn_B": False,
    "learn_C": False,
    "learn_D": False,
    "learn_E": False,
    "plan_every": 1,
}
"""Defaults of pymdp 1.0.4 Agent.__init__, all written into model.json, and of plan_every."""

LEGACY_DEFAULTS: dict[str, Any] = {
    "gamma": 16.0,
    "alpha": 16.0,
    "sampling_mode": "marginal",
    "num_iter": 10,
}
"""Defaults of pymdp 0.0.7 that pymdp 1 changed."""
CHANGED = ("gamma", "alpha", "sampling_mode")
"""Changed defaults that affect nearly every model. "pymdp-1" arrays of 0.0.7 must state them."""

STRUCTURE = (
    "A_dependencies",
    "B_dependencies",
    "B_action_dependencies",
    "num_controls",
    "utility_only",
)
LABELS = ("observations", "states", "controls")
ALIASES = {"algo": "inference_algo"}


def format_suggestion(word: str, known: Iterable[str]) -> str:
    """Return '; did you mean ...?' for a close known name, else the list of known names."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(words)}"


def read_parameters(values: Mapping[str, Any], where: str, errors: list[str]) -> dict[str, Any]:
    """Read parameters, resolve aliases, check types; add errors to `errors`."""
    known = {*DEFAULTS, *STRUCTURE, *LABELS, *ALIASES}
    parameters: dict[str, Any] = {}
    for word, value in values.items():
        key = ALIASES.get(word, word)
        if word not in known:
            errors.append(f"{where}: unknown key {word!r}{format_suggestion(word, known)}")
        elif key in parameters:
            errors.append(f"{where}: {word!r} sets {key!r} a second time")
        elif key in STRUCTURE or key in LABELS:
            parameters[key] = _structure(key, value, where, errors)
        else:
            parameters[key] = _parameter(key, value, where, errors)
    return {
        key: value
        for key, value in parameters.items()
        if value is not None or key == "inference_horizon"
    }


def _parameter(key: str, value: Any, where: str, errors: list[str]) -> Any:
    default = DEFAULTS[key]
    wanted = int if default is None else type(default)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is wanted or (value is None and default is None):
        return value
    errors.append(f"{where}: {key} = {value!r} must be of the type {wanted.__name__}")
    return None


def _structure(key: str, value: Any, where: str, errors: list[str]) -> Any:
    if key in LABELS:
        if isinstance(value, dict) and all(isinstance(entry, dict) for entry in value.values()):
            return value
        errors.append(f"{where}: {key} must be a table of name -> {{size | elements, ..}}")
        return None
    if key in ("num_controls", "utility_only"):
        if _ints(value):
            return tuple(value)
        errors.append(f"{where}: {key} = {value!r} must be a list of integers")
        return None
    if isinstance(value, list | tuple) and all(_ints(row) for row in value):
        return tuple(tuple(row) for row in value)
    errors.append(f"{where}: {key} = {value!r} must be a list of lists of integers")
    return None


def _ints(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(type(item) is int for item in value)
