"""Parameters of a GNN file: those that pymdp knows are taken, sizes are compared, the rest is for other programs."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from agentc.importers.gnn.parser import Gnn
from agentc.importers.parameters import ALIASES, DEFAULTS
from agentc.importers.text_input import NUMBER, shown

HORIZONS = (
    "planning_horizon",
    "planning_depth",
    "policy_length",
    "policy_depth",
    "horizon",
    "T_policy",
)
SIZES = {
    "num_hidden_states": "s",
    "num_states": "s",
    "num_obs": "o",
    "num_observations": "o",
    "num_actions": "u",
    "num_controls": "u",
}


def declared_size(model: Gnn, name: str) -> int | None:
    """The size of a state or observation as declared; `[1]` declares an index, which tells nothing."""
    sizes = model.variables.get(name) or (None,)
    return sizes[0] if sizes[0] != 1 else None


def parameters_of(
    model: Gnn, overridden: Iterable[str], sizes: Mapping[str, int | None], faults: list[str]
) -> dict[str, Any]:
    """Parameters under pymdp's words; what contradicts the matrices or would be lost is added to `faults`."""
    found: dict[str, Any] = {}
    for name, text in model.parameters.items():
        if name in DEFAULTS or name in ALIASES:
            found[name] = _plain(text)
        elif name in SIZES:
            faults += _size_faults(name, text, sizes)
        elif (
            name in HORIZONS
            and text.strip() != "1"
            and "policy_len" not in {*model.parameters, *overridden}
        ):
            faults.append(
                f"{name} = {shown(text)} is not a word of pymdp: say policy_len = {text[:9]} in the file, or "
                "inference = { policy_len = .. } beside it"
            )
        elif near := difflib.get_close_matches(name, DEFAULTS, n=1, cutoff=0.8):
            faults.append(f"unknown parameter {name!r}; did you mean {near[0]!r}?")
    return found


def _plain(text: str) -> Any:
    word = text.strip().strip("\"'")
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    if re.fullmatch(r"[+-]?[0-9]{1,9}", word):
        return int(word)
    return float(word) if NUMBER.fullmatch(word) and math.isfinite(float(word)) else word


def _size_faults(name: str, text: str, sizes: Mapping[str, int | None]) -> list[str]:
    """A size that is said for the only variable of its kind must be the one that its matrix has."""
    own = [size for variable, size in sizes.items() if variable[0] == SIZES[name]]
    said = _plain(text)
    if len(own) == 1 and type(said) is int and own[0] not in (None, said):
        return [f"{name} = {said}, the matrices have {own[0]}"]
    return []
