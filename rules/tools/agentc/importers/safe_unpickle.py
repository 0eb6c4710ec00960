"""numpy's object arrays, which are pickles: read by an unpickler that knows arrays, lists and numbers and nothing else.

A pickle names functions to be called. Here the few names by which numpy pickles arrays stand for the records below, every
other is refused, so nothing of the file's runs, and numpy itself, whose own unpickling crashes on a damaged file, sees only
bytes whose type and shape were checked. The interpreted unpickler is used because the compiled one believes a file that
says how much memory it needs.
"""

from __future__ import annotations

import io
import math
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers.npy import read_header
from agentc.importers.npz import plain_array
from agentc.ir.types import ModelFault

MAX_FILE = 1 << 28
"""Bytes of entries; what pickles and headers add (OVERHEAD) does not count."""
OVERHEAD = 1 << 20
MAX_MEMBERS = 64
PLAIN = (
    "save plain arrays instead, np.savez(file, **{f'A{i}': a for i, a in enumerate(A)}, ..), which may be larger, and leave "
    "pickle = true out; or save as float32"
)
MAX_DEPTH = 4
NUMBERS = re.compile(r"[<>=|]?([fiub][1248]|U[1-9][0-9]{0,3})")


class Kind:
    """A dtype: its code and, after `__setstate__`, its order of bytes."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = str(code).lstrip("<>=|")
        self.order = ""

    def __setstate__(self, state: Any) -> None:
        self.order = {"<": "<", ">": ">"}.get(state[1], "")

    def numpy(self) -> np.dtype[Any]:
        """The dtype if it is one of numbers or text; ValueError otherwise."""
        if not NUMBERS.fullmatch(self.code):
            raise ValueError(f"dtype {self.code[:20]!r} is not one of numbers")
        return np.dtype(self.order + self.code)


class Pickled:
    """An array: after `__setstate__` its shape, dtype and content, bytes or a list of objects."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> Any:
        """A numpy array, or the list of objects; ValueError when the content does not fit the shape."""
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise ValueError("an array without content")
        _, shape, kind, fortran, content = self.state
        if isinstance(content, list):
            return content
        return _filled(content, kind, shape, "F" if fortran else "C")


def _filled(content: Any, kind: Kind, shape: Any, order: Any) -> Any:
    """A copy of bytes as an array."""
    dtype, raw = (
        kind.numpy(),
        content.encode("latin-1") if isinstance(content, str) else bytes(content),
    )
    if (
        not isinstance(shape, tuple)
        or any(type(n) is not int or n < 0 for n in shape)
        or len(shape) > 32
    ):
        raise ValueError("a shape that is none")
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError(f"{len(raw)} bytes for the shape {shape} of {dtype}")
    return np.frombuffer(raw, dtype=dtype).reshape(shape, order="F" if order == "F" else "C").copy()


def _scalar(kind: Kind, content: Any) -> Any:
    return _filled(content, kind, (), "C")


def _latin(text: str, _: str) -> bytes:
    return text.encode("latin-1")


KNOWN: dict[tuple[str, str], Any] = {
    (f"numpy.{core}.{module}", name): stand_in
    for core in ("core", "_core")
    for module, name, stand_in in (
        ("multiarray", "_reconstruct", Pickled),
        ("multiarray", "scalar", _scalar),
        ("numeric", "_frombuffer", _filled),
    )
}
KNOWN |= {("numpy", "ndarray"): Pickled, ("numpy", "dtype"): Kind, ("_codecs", "encode"): _latin}
"""What numpy 1 and 2 write for arrays, their elements and their types, and what stands for it here."""


class ArraysOnly(pickle._Unpickler):
    """Unpickles arrays and plain containers; everything else is refused by name."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name that numpy's arrays need; ModelFault for any other."""
        if (module, name) not in KNOWN:
            raise ModelFault(
                [f"it wants {module}.{name} to be called: only arrays are read from pickles"]
            )
        return KNOWN[module, name]


def read(path: Path) -> dict[str, Any]:
    """Matrices by letter (A, B, C, D, E, ..), each a list of arrays or one array; ModelFault with every reason."""
    size = path.stat().st_size
    if size > MAX_FILE + OVERHEAD:
        raise ModelFault([f"{path.name} of {size} bytes is larger than {MAX_FILE}: {PLAIN}"])
    data = path.read_bytes()
    try:
        found = _archive(data) if data.startswith(b"PK") else _single(path.name, data)
    except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError, EOFError) as error:
        raise ModelFault([f"{path.name} cannot be read: {error}"]) from error
    return {name: _plain(name, value, 0) for name, value in found.items()}


def _archive(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        size = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS or size > MAX_FILE + OVERHEAD:
            raise ModelFault(
                [
                    f"{len(members)} arrays of {size} bytes are more than {MAX_MEMBERS}, or than {MAX_FILE} bytes: "
                    f"{PLAIN}"
                ]
            )
        return {
            member.filename.removesuffix(".npy"): _array(member.filename, archive.read(member))
            for member in members
        }


def _single(name: str, data: bytes) -> dict[str, Any]:
    """An .npy that holds one dict, as `np.save(file, {"A": A, ..})` writes it."""
    value = _array(name, data)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return {str(key): item for key, item in value[0].items()}
    raise ModelFault(
        [
            f'{name} holds one array: wanted: a dict of matrices, np.save(file, {{"A": A, "B": B}}), or an .npz'
        ]
    )


def _array(name: str, data: bytes) -> Any:
    """What one .npy holds; objects are unpickled by ArraysOnly."""
    try:
        header = read_header(data)
        if header.holds_objects:
            found = ArraysOnly(io.BytesIO(data[header.end :])).load()
            return found.array() if isinstance(found, Pickled) else found
        return plain_array(data)
    except ModelFault as fault:
        raise ModelFault([f"{name}: {line}" for line in fault.faults]) from fault
    except Exception as error:  # a broken pickle may raise anything
        raise ModelFault([f"{name} cannot be read: {type(error).__name__}: {error}"]) from error


def _plain(name: str, value: Any, depth: int) -> Any:
    """Pickled arrays as numpy's, object arrays as lists, all the way down; ModelFault for what is no number."""
    if depth > MAX_DEPTH:
        raise ModelFault(
            [f"{name} is nested more than {MAX_DEPTH} deep: save a list of arrays, one per matrix"]
        )
    if isinstance(value, Pickled):
        try:
            value = value.array()
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelFault([f"{name}: {error}"]) from error
    if isinstance(value, list | tuple):
        return [_plain(f"{name}[{number}]", item, depth + 1) for number, item in enumerate(value)]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    array = np.asarray(value) if isinstance(value, np.ndarray | np.generic) else None
    if array is None or array.dtype.kind not in "fiubU":
        raise ModelFault(
            [f"{name} is {type(value).__name__}, neither an array of numbers nor a list of them"]
        )
    return array


def letters(found: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """The matrices among what was read, single ones as lists of one; `known` says of each letter "list" or "one"."""
    wanted = {name: value for name, value in found.items() if name in known and value is not None}
    return {
        name: value if known[name] == "one" or isinstance(value, list) else [value]
        for name, value in wanted.items()
    }
