"""JSON of parameters, read strictly: one object, bounded in size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agentc.ir.types import ModelError

MAX_SPEC = 1 << 20


def read_json(text: str | bytes, where: str) -> dict[str, Any]:
    """Parse one JSON object without repeated keys or NaN; ModelError otherwise."""
    try:
        value = json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError([f"{where}: {error}"]) from error
    if not isinstance(value, dict):
        raise ModelError([f"{where}: an object {{..}} is expected"])
    return value


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError(f"a key occurs twice among {sorted(key for key, _ in pairs)}")
    return value


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def check_spec(spec: Path) -> None:
    """Refuse a parameter file that is too large, with a ModelError."""
    size = spec.stat().st_size
    if size > MAX_SPEC:
        raise ModelError(
            [
                f"{spec.name} of {size} bytes is larger than {MAX_SPEC}: it holds parameters and "
                "names; matrices go "
                "into the .npz, and `size` may stand for a long list of `elements`"
            ]
        )
