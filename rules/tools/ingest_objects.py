"""Action `ingest_objects`: object arrays of pymdp 0.0.7 (.npz or .npy of dtype object) -> IR folder and labels.json.

    python3 ingest_objects.py --source FILE --spec FILE.json [--inference JSON] --out DIR [--labels FILE]

Only with leave (`pickle = true`), only here, and by an unpickler that runs nothing (object_arrays.py). The .json says whose
meaning the model has. "pymdp-0.0.7" fills in the defaults of 0.0.7 and keeps its meaning: information is gained of all
modalities jointly, and the fixed point stops by free energy. "pymdp-1" needs every parameter whose default changed.
"""
from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent_model import LEGACY, SEMANTICS, Model, ModelFault
from ingest import MEMBER, check_spec, lists_of, read_json
from model_source import Source, refused, resolve, write
from model_words import CHANGED, LEGACY_DEFAULTS, meant
from object_arrays import letters, read

KNOWN = {"A": "list", "B": "list", "C": "list", "D": "list", "pA": "list", "pB": "list", "E": "one", "policies": "one"}
MEMORY = 4 << 30
"""Bytes of address space, against shapes that a hostile file makes up."""


def make(source: Path, spec: Path, inference: str) -> tuple[Model, dict[str, Any]]:
    """The model and its labels; ModelFault with every reason why not."""
    check_spec(spec)
    found = _joined(read(source))
    odd = sorted(set(found) - set(KNOWN))
    if odd:
        raise ModelFault([f"{source.name}: unknown array {name!r}{meant(name, KNOWN)}" for name in odd])
    words, given = read_json(spec.read_bytes(), spec.name), read_json(inference, "--inference")
    arrays = letters(found, KNOWN)
    if isinstance(arrays.get("policies"), list):   # 0.0.7 keeps a list of (length, factors)
        arrays["policies"] = np.array(arrays["policies"])
    semantics = given.get("semantics", words.get("semantics"))
    if semantics == LEGACY:
        arrays["C"] = [c.T if isinstance(c, np.ndarray) and c.ndim == 2 else c for c in arrays.get("C", [])] or None
    elif semantics != SEMANTICS:
        raise ModelFault([f"semantics = {semantics!r}: say in {spec.name} whose meaning these arrays have, {LEGACY!r} or "
                          f'{SEMANTICS!r}, as in "semantics": "{LEGACY}"'])
    else:
        silent = [name for name in CHANGED if name not in words and name not in given]
        if silent:
            raise ModelFault([f"{name} is not said in {spec.name}: its default was {LEGACY_DEFAULTS[name]!r} in 0.0.7 and is "
                              "another in pymdp 1" for name in silent])
    lists = {name: arrays.get(name) for name in KNOWN}
    return resolve(Source(A=lists.pop("A") or [], B=lists.pop("B") or [], spec=_words(words), **lists), given)


def _joined(found: Mapping[str, Any]) -> dict[str, Any]:
    """A0, A1, .., plain or as object arrays of one, as the list A; ModelFault when a number is missing."""
    numbered = {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in found.items()
                if (match := MEMBER.fullmatch(f"{name}.npy")) and match[1] in KNOWN}
    rest = {name: value for name, value in found.items() if name not in numbered}
    lists = {name: value for name, value in lists_of(numbered).items() if value is not None} if numbered else {}
    twice = sorted(lists.keys() & rest.keys())
    if twice:
        raise ModelFault([f"there are {name} and {name}0: one of them is meant" for name in twice])
    return rest | lists


def _words(words: Mapping[str, Any]) -> dict[str, Any]:
    """0.0.7's name of fixed-point iteration in pymdp 1's words."""
    return {name: "fpi" if (name, value) == ("inference_algo", "VANILLA") else value for name, value in words.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one message on stderr that lists every fault."""
    parser = argparse.ArgumentParser(prog="ingest_objects", description=__doc__)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--inference", default="{}")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    args = parser.parse_args(argv)
    try:
        model, names = make(args.source, args.spec, args.inference)
        write(model, names, args.out, args.labels)
    except ModelFault as fault:
        return refused(args.source.name, fault)
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.exit(main())
