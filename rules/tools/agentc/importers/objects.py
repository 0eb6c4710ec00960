"""Import object arrays of pymdp 0.0.7, which are pickles, with an unpickler that runs no code.

The .json must state the semantics of the arrays. "pymdp-0.0.7" uses the defaults and the semantics
of that version: joint information gain, and a fixed point that stops by free energy. "pymdp-1"
requires every parameter whose default has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers.json_input import check_spec, read_json
from agentc.importers.npz import MEMBER, lists_of
from agentc.importers.parameters import CHANGED, LEGACY_DEFAULTS, format_suggestion
from agentc.importers.resolve import ModelSource, resolve
from agentc.importers.safe_unpickle import letters, read
from agentc.ir.types import LEGACY, SEMANTICS, Model, ModelError

KNOWN = {
    "A": "list",
    "B": "list",
    "C": "list",
    "D": "list",
    "pA": "list",
    "pB": "list",
    "E": "one",
    "policies": "one",
}


def make(source: Path, spec: Path, inference: str) -> tuple[Model, dict[str, Any]]:
    """Return the model and its labels; ModelError lists all errors."""
    check_spec(spec)
    matrices = _collect_numbered(read(source))
    odd = sorted(set(matrices) - set(KNOWN))
    if odd:
        raise ModelError(
            [
                f"{source.name}: unknown array {name!r}{format_suggestion(name, KNOWN)}"
                for name in odd
            ]
        )
    words, overrides = read_json(spec.read_bytes(), spec.name), read_json(inference, "--inference")
    arrays = letters(matrices, KNOWN)
    if isinstance(arrays.get("policies"), list):  # 0.0.7 keeps a list of (length, factors)
        arrays["policies"] = np.array(arrays["policies"])
    semantics = overrides.get("semantics", words.get("semantics"))
    if semantics == LEGACY:
        arrays["C"] = [
            c.T if isinstance(c, np.ndarray) and c.ndim == 2 else c for c in arrays.get("C", [])
        ] or None
    elif semantics != SEMANTICS:
        raise ModelError(
            [
                f"semantics = {semantics!r}: say in {spec.name} whose meaning these arrays have, "
                f"{LEGACY!r} or "
                f'{SEMANTICS!r}, as in "semantics": "{LEGACY}"'
            ]
        )
    else:
        silent = [name for name in CHANGED if name not in words and name not in overrides]
        if silent:
            raise ModelError(
                [
                    f"{name} is not set in {spec.name}: its default was "
                    f"{LEGACY_DEFAULTS[name]!r} in 0.0.7 and is "
                    "another in pymdp 1"
                    for name in silent
                ]
            )
    lists = {name: arrays.get(name) for name in KNOWN}
    return resolve(
        ModelSource(A=lists.pop("A") or [], B=lists.pop("B") or [], spec=_words(words), **lists),
        overrides,
    )


def _collect_numbered(matrices: Mapping[str, Any]) -> dict[str, Any]:
    """Collect A0, A1, .. (plain arrays or object arrays of one) as A; ModelError for a missing
    index.
    """
    numbered = {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in matrices.items()
        if (match := MEMBER.fullmatch(f"{name}.npy")) and match[1] in KNOWN
    }
    rest = {name: value for name, value in matrices.items() if name not in numbered}
    lists = (
        {name: value for name, value in lists_of(numbered).items() if value is not None}
        if numbered
        else {}
    )
    twice = sorted(lists.keys() & rest.keys())
    if twice:
        raise ModelError([f"there are {name} and {name}0: one of them is meant" for name in twice])
    return rest | lists


def _words(words: Mapping[str, Any]) -> dict[str, Any]:
    """Translate 0.0.7's name of fixed-point iteration to pymdp 1."""
    return {
        name: "fpi" if (name, value) == ("inference_algo", "VANILLA") else value
        for name, value in words.items()
    }
