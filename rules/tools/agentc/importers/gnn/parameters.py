"""Parameters of a GNN file: read pymdp's, compare sizes, ignore those of other programs."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from agentc.importers.gnn.parser import Gnn
from agentc.importers.parameters import ALIASES, DEFAULTS
from agentc.importers.text_input import NUMBER, quote

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
    """Return the declared size of a state or observation. `[1]` declares an index, so it gives
    none.
    """
    sizes = model.variables.get(name) or (None,)
    return sizes[0] if sizes[0] != 1 else None


def parameters_of(
    model: Gnn, overridden: Iterable[str], sizes: Mapping[str, int | None], errors: list[str]
) -> dict[str, Any]:
    """Return parameters under pymdp's names; add contradictions and lost values to `errors`."""
    values: dict[str, Any] = {}
    for name, text in model.parameters.items():
        if name in DEFAULTS or name in ALIASES:
            values[name] = _plain(text)
        elif name in SIZES:
            errors += _check_sizes(name, text, sizes)
        elif (
            name in HORIZONS
            and text.strip() != "1"
            and "policy_len" not in {*model.parameters, *overridden}
        ):
            errors.append(
                f"{name} = {quote(text)} is not a parameter of pymdp: write policy_len = "
                f"{text[:9]} in the file, or "
                "inference = { policy_len = .. } beside it"
            )
        elif near := difflib.get_close_matches(name, DEFAULTS, n=1, cutoff=0.8):
            errors.append(f"unknown parameter {name!r}; did you mean {near[0]!r}?")
    return values


def _plain(text: str) -> Any:
    word = text.strip().strip("\"'")
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    if re.fullmatch(r"[+-]?[0-9]{1,9}", word):
        return int(word)
    return float(word) if NUMBER.fullmatch(word) and math.isfinite(float(word)) else word


def _check_sizes(name: str, text: str, sizes: Mapping[str, int | None]) -> list[str]:
    """Compare a declared size with the matrix of the only variable of its kind."""
    own = [size for variable, size in sizes.items() if variable[0] == SIZES[name]]
    declared = _plain(text)
    if len(own) == 1 and type(declared) is int and own[0] not in (None, declared):
        return [f"{name} = {declared}, the matrices have {own[0]}"]
    return []
