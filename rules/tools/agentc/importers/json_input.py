"""JSON of parameters: bounded, strict, one object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agentc.ir.types import ModelFault

MAX_SPEC = 1 << 20


def read_json(text: str | bytes, where: str) -> dict[str, Any]:
    """One JSON object, no repeated keys, no NaN; ModelFault otherwise."""
    try:
        found = json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFault([f"{where}: {error}"]) from error
    if not isinstance(found, dict):
        raise ModelFault([f"{where}: an object {{..}} is expected"])
    return found


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a key occurs twice among {sorted(key for key, _ in pairs)}")
    return found


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def check_spec(spec: Path) -> None:
    """ModelFault when a .json of parameters is too large to be one."""
    size = spec.stat().st_size
    if size > MAX_SPEC:
        raise ModelFault(
            [
                f"{spec.name} of {size} bytes is larger than {MAX_SPEC}: it holds parameters and names; matrices go "
                "into the .npz, and `size` may stand for a long list of `elements`"
            ]
        )
