"""Parameters and arrays that pymdp ignores, by the switches that enable them.

An invalid value is accepted if pymdp never reads it; its default replaces it. Valid values are
kept. H and I count with use_inductive, pA and pB with learning or use_param_info_gain (see
ir/validate.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from agentc.importers.parameters import DEFAULTS
from agentc.ir.types import F64
from agentc.ir.validate import WORDS


def parameters(values: Mapping[str, Any], policies: int) -> dict[str, Any]:
    """Return the parameters, with defaults for those that are both ignored and invalid."""
    return dict(values) | {
        name: DEFAULTS[name]
        for name in _ignored(values, policies)
        if not _is_valid(name, values[name])
    }


def _ignored(values: Mapping[str, Any], policies: int) -> list[str]:
    """Return the ignored parameters; with one policy, for example, gamma has no effect."""
    names = (
        []
        if values["use_inductive"]
        else ["inductive_depth", "inductive_threshold", "inductive_epsilon"]
    )
    names += ["gamma"] if policies == 1 else []
    names += ["alpha"] if policies == 1 or values["action_selection"] != "stochastic" else []
    names += [] if any(values[f"learn_{letter}"] for letter in "ABCDE") else ["learning_mode"]
    return names + (["num_iter"] if values["inference_algo"] == "exact" else [])


def _is_valid(name: str, value: Any) -> bool:
    if name in WORDS:
        return value in WORDS[name]
    return math.isfinite(value) and value >= (1 if isinstance(DEFAULTS[name], int) else 0)


def preferences(
    C: list[F64], num_obs: Sequence[int], policy_len: int, values: Mapping[str, Any]
) -> list[F64]:
    """Return C, or none if it is invalid and ignored (use_utility = false)."""
    wanted = [((n,), (policy_len, n)) for n in num_obs]
    sound = len(C) == len(wanted) and all(
        c.shape in shapes and bool(np.all(np.isfinite(c))) for c, shapes in zip(C, wanted)
    )
    return C if sound or values["use_utility"] else []
