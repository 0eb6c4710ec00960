"""What pymdp carries without looking at it: the switches under which each parameter and array counts.

A value that would be refused is no fault where pymdp never looks at it, and its default stands for it. Sound values stay as
they are. H and I count with use_inductive, pA and pB with learning or use_param_info_gain (see ir_rules).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from agentc.importers.parameters import DEFAULTS
from agentc.ir.types import F64
from agentc.ir.validate import WORDS


def parameters(given: Mapping[str, Any], policies: int) -> dict[str, Any]:
    """The parameters, with the defaults of those that nothing looks at and whose values are not sound."""
    return dict(given) | {
        name: DEFAULTS[name] for name in _idle(given, policies) if not _sound(name, given[name])
    }


def _idle(given: Mapping[str, Any], policies: int) -> list[str]:
    """Parameters that do not count: one policy is chosen whatever gamma is, and so on."""
    found = (
        []
        if given["use_inductive"]
        else ["inductive_depth", "inductive_threshold", "inductive_epsilon"]
    )
    found += ["gamma"] if policies == 1 else []
    found += ["alpha"] if policies == 1 or given["action_selection"] != "stochastic" else []
    found += [] if any(given[f"learn_{letter}"] for letter in "ABCDE") else ["learning_mode"]
    return found + (["num_iter"] if given["inference_algo"] == "exact" else [])


def _sound(name: str, value: Any) -> bool:
    if name in WORDS:
        return value in WORDS[name]
    return math.isfinite(value) and value >= (1 if isinstance(DEFAULTS[name], int) else 0)


def preferences(
    C: list[F64], num_obs: Sequence[int], policy_len: int, given: Mapping[str, Any]
) -> list[F64]:
    """C, or none where it is not sound and nothing is preferred: use_utility = false."""
    wanted = [((n,), (policy_len, n)) for n in num_obs]
    sound = len(C) == len(wanted) and all(
        c.shape in shapes and bool(np.all(np.isfinite(c))) for c, shapes in zip(C, wanted)
    )
    return C if sound or given["use_utility"] else []
