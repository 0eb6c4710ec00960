"""Unpickler of numpy's object arrays that knows arrays, lists and numbers only.

A pickle names functions to call. This one maps the few names that numpy uses for arrays to the
classes below and refuses all others, so no code of the file runs. numpy's own unpickling crashes on
damaged files; here it gets only bytes with checked type and shape. The interpreted unpickler is
used because the C unpickler allocates whatever size the file declares.
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
from agentc.ir.types import ModelError

MAX_FILE = 1 << 28
"""Bytes of entries, without the OVERHEAD of pickles and headers."""
OVERHEAD = 1 << 20
MAX_MEMBERS = 64
PLAIN = (
    "save plain arrays instead, np.savez(file, **{f'A{i}': a for i, a in enumerate(A)}, ..), "
    "which may be larger, and leave "
    "pickle = true out; or save as float32"
)
MAX_DEPTH = 4
NUMBERS = re.compile(r"[<>=|]?([fiub][1248]|U[1-9][0-9]{0,3})")


class PickledDtype:
    """A dtype: its code and, after `__setstate__`, its byte order."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = str(code).lstrip("<>=|")
        self.order = ""

    def __setstate__(self, state: Any) -> None:
        self.order = {"<": "<", ">": ">"}.get(state[1], "")

    def numpy(self) -> np.dtype[Any]:
        """Return the dtype if it is numeric or text; ValueError otherwise."""
        if not NUMBERS.fullmatch(self.code):
            raise ValueError(f"dtype {self.code[:20]!r} is not one of numbers")
        return np.dtype(self.order + self.code)


class PickledArray:
    """An array: after `__setstate__` its shape, dtype and content (bytes or a list)."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> Any:
        """Return a numpy array or a list of objects; ValueError if content and shape differ."""
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise ValueError("an array without content")
        _, shape, kind, fortran, content = self.state
        if isinstance(content, list):
            return content
        return _array_of_bytes(content, kind, shape, "F" if fortran else "C")


def _array_of_bytes(content: Any, kind: PickledDtype, shape: Any, order: Any) -> Any:
    """Copy bytes to an array."""
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


def _scalar(kind: PickledDtype, content: Any) -> Any:
    return _array_of_bytes(content, kind, (), "C")


def _latin(text: str, _: str) -> bytes:
    return text.encode("latin-1")


KNOWN: dict[tuple[str, str], Any] = {
    (f"numpy.{core}.{module}", name): stand_in
    for core in ("core", "_core")
    for module, name, stand_in in (
        ("multiarray", "_reconstruct", PickledArray),
        ("multiarray", "scalar", _scalar),
        ("numeric", "_frombuffer", _array_of_bytes),
    )
}
KNOWN |= {
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): PickledDtype,
    ("_codecs", "encode"): _latin,
}
"""Replacements of the names that numpy 1 and 2 write for arrays, elements and types."""


class ArraysOnly(pickle._Unpickler):
    """Unpickle arrays and plain containers; refuse everything else by name."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the replacement of a name that numpy's arrays need; ModelError for others."""
        if (module, name) not in KNOWN:
            raise ModelError([f"it calls {module}.{name}: only arrays are read from pickles"])
        return KNOWN[module, name]


def read(path: Path) -> dict[str, Any]:
    """Read matrices by letter (A, B, ..), each a list or one array; ModelError lists all errors."""
    size = path.stat().st_size
    if size > MAX_FILE + OVERHEAD:
        raise ModelError([f"{path.name} of {size} bytes is larger than {MAX_FILE}: {PLAIN}"])
    data = path.read_bytes()
    try:
        values = _archive(data) if data.startswith(b"PK") else _single(path.name, data)
    except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError, EOFError) as error:
        raise ModelError([f"{path.name} cannot be read: {error}"]) from error
    return {name: _to_arrays(name, value, 0) for name, value in values.items()}


def _archive(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        size = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS or size > MAX_FILE + OVERHEAD:
            raise ModelError(
                [
                    f"{len(members)} arrays of {size} bytes are more than {MAX_MEMBERS}, or than "
                    f"{MAX_FILE} bytes: "
                    f"{PLAIN}"
                ]
            )
        return {
            member.filename.removesuffix(".npy"): _array(member.filename, archive.read(member))
            for member in members
        }


def _single(name: str, data: bytes) -> dict[str, Any]:
    """Read an .npy of one dict, as `np.save(file, {"A": A, ..})` writes it."""
    value = _array(name, data)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return {str(key): item for key, item in value[0].items()}
    raise ModelError(
        [
            f'{name} holds one array: wanted: a dict of matrices, np.save(file, {{"A": A, "B": '
            "B}), or an .npz"
        ]
    )


def _array(name: str, data: bytes) -> Any:
    """Read one .npy; ArraysOnly unpickles objects."""
    try:
        header = read_header(data)
        if header.holds_objects:
            value = ArraysOnly(io.BytesIO(data[header.end :])).load()
            return value.array() if isinstance(value, PickledArray) else value
        return plain_array(data)
    except ModelError as problem:
        raise ModelError([f"{name}: {line}" for line in problem.errors]) from problem
    except Exception as error:  # a broken pickle may raise anything
        raise ModelError([f"{name} cannot be read: {type(error).__name__}: {error}"]) from error


def _to_arrays(name: str, value: Any, depth: int) -> Any:
    """Convert pickled arrays to numpy's and object arrays to lists; ModelError for other types."""
    if depth > MAX_DEPTH:
        raise ModelError(
            [f"{name} is nested more than {MAX_DEPTH} deep: save a list of arrays, one per matrix"]
        )
    if isinstance(value, PickledArray):
        try:
            value = value.array()
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelError([f"{name}: {error}"]) from error
    if isinstance(value, list | tuple):
        return [
            _to_arrays(f"{name}[{number}]", item, depth + 1) for number, item in enumerate(value)
        ]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    array = np.asarray(value) if isinstance(value, np.ndarray | np.generic) else None
    if array is None or array.dtype.kind not in "fiubU":
        raise ModelError(
            [f"{name} is {type(value).__name__}, not an array of numbers or a list of them"]
        )
    return array


def letters(values: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Return the matrices by letter; `known` gives "list" or "one" for each letter."""
    wanted = {name: value for name, value in values.items() if name in known and value is not None}
    return {
        name: value if known[name] == "one" or isinstance(value, list) else [value]
        for name, value in wanted.items()
    }
