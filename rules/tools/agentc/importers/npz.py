"""Import .npz arrays and a .json of parameters."""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers import npz_hints as npz_keys
from agentc.importers.json_input import check_spec, read_json
from agentc.importers.main import write
from agentc.importers.npy import LONGEST, read_header
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir.types import Model, ModelError
from numpy.typing import NDArray

MAX_MEMBERS = 1024
MAX_ENTRIES = 1 << 26
"""Entries of one array. All arrays become float64, so this is 512 MiB."""
MAX_TOTAL = 1 << 30
"""Bytes of all entries as saved, without headers."""
WIDEST = 8  # bytes of an entry
NUMBERS = re.compile(r"[<>|=]?(?:[iu][1248]|f[248]|b1|\?)")
SMALLER = (
    "split the states into several factors, each with its own B, or list in A_dependencies and "
    "B_dependencies only what "
    "a matrix depends on"
)
LETTERS = ("A", "B", "C", "D", "H", "I", "pA", "pB")
MEMBER = re.compile(r"(?:([ABCDHI]|p[AB])(0|[1-9][0-9]{0,3})|E|policies)\.npy")


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read arrays A0.., B0.., C0.., D0.., H0.., I0.., pA0.., pB0.., E and policies by name.

    Nothing is unpickled. Sizes are checked before the arrays are read.
    """
    errors: list[str] = []
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_bounds(members, errors)
            errors += [
                npz_keys.describe_unknown_array(member.filename, _read_beginning(archive, member))
                for member in members[:MAX_MEMBERS]
                if not MEMBER.fullmatch(member.filename)
            ]
            if not errors:
                for member in members:
                    arrays[member.filename.removesuffix(".npy")] = _read_npy(
                        archive, member, errors
                    )
                errors += size_errors(sum(array.nbytes for array in arrays.values()))
    except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError) as error:
        errors.append(f"cannot be read as .npz: {npz_keys.identify_file(path) or error}")
    if errors:
        raise ModelError([f"{path.name}: {problem}" for problem in errors])
    return arrays


def _check_bounds(members: Sequence[zipfile.ZipInfo], errors: list[str]) -> None:
    names = [member.filename for member in members]
    if len(names) > MAX_MEMBERS:
        errors.append(
            f"{len(names)} arrays are more than {MAX_MEMBERS}: join modalities or factors"
        )
    # A lower bound: the exact sizes are in the headers.
    total = sum(max(member.file_size - LONGEST, 0) for member in members)
    errors += size_errors(total)
    errors += [
        f"{m.filename} of {m.file_size} bytes is larger than {MAX_ENTRIES} entries can be: "
        f"{SMALLER}"
        for m in members
        if m.file_size > MAX_ENTRIES * WIDEST + LONGEST
    ]
    errors += [f"{name} occurs twice" for name in sorted(set(names)) if names.count(name) > 1]


def size_errors(total: int) -> list[str]:
    """Return an error if all arrays together are too large."""
    return (
        []
        if total <= MAX_TOTAL
        else [
            f"the arrays hold {total} bytes, more than {MAX_TOTAL}: save them as float32, "
            "array.astype(np.float32), which halves "
            "float64 and is scaled to sum to 1 in float64 again"
        ]
    )


def _read_beginning(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read the part of a member that contains its header; empty if damaged."""
    try:
        with archive.open(member) as file:
            return file.read(LONGEST)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
        return b""


def _read_npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, errors: list[str]) -> NDArray[Any]:
    try:
        return plain_array(archive.read(member))
    except ValueError as error:
        errors.append(f"{member.filename} {error}")
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        errors.append(f"{member.filename} is damaged: {error}")
    return np.zeros(0)


def plain_array(data: bytes) -> NDArray[Any]:
    """Parse an .npy file; ValueError if it is not a numeric array of the declared size."""
    header = read_header(data)
    if not NUMBERS.fullmatch(header.descr):
        raise ValueError(
            f"holds {'object' if header.holds_objects else header.descr}, not numbers: "
            + (
                npz_keys.OBJECTS
                if header.holds_objects
                else "save it as float64, array.astype(float)"
            )
        )
    dtype, rest = np.dtype(header.descr), memoryview(data)[header.end :]
    if math.prod(header.shape) * dtype.itemsize != len(rest):
        raise ValueError(
            f"says shape {header.shape} of {dtype}, which does not fit {len(rest)} bytes"
        )
    if math.prod(header.shape) > MAX_ENTRIES:
        raise ValueError(
            f"holds {' x '.join(map(str, header.shape))} = {math.prod(header.shape)} entries, "
            "more than "
            f"{MAX_ENTRIES}: {SMALLER}"
        )
    return np.frombuffer(rest, dtype=dtype).reshape(
        header.shape, order="F" if header.fortran else "C"
    )


def lists_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Collect A0, A1, .. as A = [..]; ModelError if an index is missing."""
    errors = []
    lists: dict[str, Any] = {"E": arrays.get("E"), "policies": arrays.get("policies")}
    for letter in LETTERS:
        indices = sorted(
            int(name[len(letter) :])
            for name in arrays
            if name.startswith(letter) and name[len(letter) :].isdigit()
        )
        if indices != list(range(len(indices))):
            errors.append(
                f"{letter}{next(i for i in range(len(indices)) if i not in indices)} is missing: "
                f"{', '.join(f'{letter}{i}' for i in indices)} are there; numbers begin at 0 and "
                "leave none out"
            )
        lists[letter] = [arrays[f"{letter}{i}"] for i in indices] or None
    if errors:
        raise ModelError(errors)
    return lists


def make(npz: Path, spec: Path, inference: str) -> tuple[Model, dict[str, Any]]:
    """Return the model and its labels; ModelError lists all errors."""
    check_spec(spec)
    source = ModelSource(**lists_of(read_npz(npz)), spec=read_json(spec.read_bytes(), spec.name))
    return resolve(source, read_json(inference, "--inference"))


def ingest(npz: Path, spec: Path, inference: str, out: Path, labels: Path | None) -> None:
    """Read, resolve, validate and write a model; ModelError if it is invalid."""
    model, names = make(npz, spec, inference)
    write(model, names, out, labels)
