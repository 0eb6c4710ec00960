"""Action `ingest_objects`: object arrays of pymdp 0.0.7 (.npz or .npy of dtype object) -> IR folder and labels.json.

    python3 import_objects.py --source FILE --spec FILE.json [--inference JSON] --out DIR [--labels FILE]

Only with leave (`pickle = true`), only here, and by an unpickler that runs nothing (safe_unpickle.py). The .json says whose
meaning the model has. "pymdp-0.0.7" fills in the defaults of 0.0.7 and keeps its meaning: information is gained of all
modalities jointly, and the fixed point stops by free energy. "pymdp-1" needs every parameter whose default changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers.json_input import check_spec, read_json
from agentc.importers.npz import MEMBER, lists_of
from agentc.importers.parameters import CHANGED, LEGACY_DEFAULTS, meant
from agentc.importers.resolve import Source, resolve
from agentc.importers.safe_unpickle import letters, read
from agentc.ir.types import LEGACY, SEMANTICS, Model, ModelFault

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
    """The model and its labels; ModelFault with every reason why not."""
    check_spec(spec)
    found = _joined(read(source))
    odd = sorted(set(found) - set(KNOWN))
    if odd:
        raise ModelFault(
            [f"{source.name}: unknown array {name!r}{meant(name, KNOWN)}" for name in odd]
        )
    words, given = read_json(spec.read_bytes(), spec.name), read_json(inference, "--inference")
    arrays = letters(found, KNOWN)
    if isinstance(arrays.get("policies"), list):  # 0.0.7 keeps a list of (length, factors)
        arrays["policies"] = np.array(arrays["policies"])
    semantics = given.get("semantics", words.get("semantics"))
    if semantics == LEGACY:
        arrays["C"] = [
            c.T if isinstance(c, np.ndarray) and c.ndim == 2 else c for c in arrays.get("C", [])
        ] or None
    elif semantics != SEMANTICS:
        raise ModelFault(
            [
                f"semantics = {semantics!r}: say in {spec.name} whose meaning these arrays have, {LEGACY!r} or "
                f'{SEMANTICS!r}, as in "semantics": "{LEGACY}"'
            ]
        )
    else:
        silent = [name for name in CHANGED if name not in words and name not in given]
        if silent:
            raise ModelFault(
                [
                    f"{name} is not said in {spec.name}: its default was {LEGACY_DEFAULTS[name]!r} in 0.0.7 and is "
                    "another in pymdp 1"
                    for name in silent
                ]
            )
    lists = {name: arrays.get(name) for name in KNOWN}
    return resolve(
        Source(A=lists.pop("A") or [], B=lists.pop("B") or [], spec=_words(words), **lists), given
    )


def _joined(found: Mapping[str, Any]) -> dict[str, Any]:
    """A0, A1, .., plain or as object arrays of one, as the list A; ModelFault when a number is missing."""
    numbered = {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in found.items()
        if (match := MEMBER.fullmatch(f"{name}.npy")) and match[1] in KNOWN
    }
    rest = {name: value for name, value in found.items() if name not in numbered}
    lists = (
        {name: value for name, value in lists_of(numbered).items() if value is not None}
        if numbered
        else {}
    )
    twice = sorted(lists.keys() & rest.keys())
    if twice:
        raise ModelFault([f"there are {name} and {name}0: one of them is meant" for name in twice])
    return rest | lists


def _words(words: Mapping[str, Any]) -> dict[str, Any]:
    """0.0.7's name of fixed-point iteration in pymdp 1's words."""
    return {
        name: "fpi" if (name, value) == ("inference_algo", "VANILLA") else value
        for name, value in words.items()
    }
