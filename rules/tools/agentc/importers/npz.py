"""Action `ingest`: a model as .npz arrays and a .json of parameters -> IR folder and labels.json.

python3 import_npz.py --npz FILE --spec FILE.json [--inference JSON] --out DIR [--labels FILE]
"""

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
from agentc.importers.resolve import Source, resolve
from agentc.ir.types import Model, ModelFault
from numpy.typing import NDArray

MAX_MEMBERS = 1024
MAX_ENTRIES = 1 << 26
"""Of one array: 512 MiB as float64, which is what all arrays become."""
MAX_TOTAL = 1 << 30
"""Bytes of the entries of all arrays as they are saved, headers aside."""
WIDEST = 8  # bytes of an entry
NUMBERS = re.compile(r"[<>|=]?(?:[iu][1248]|f[248]|b1|\?)")
SMALLER = (
    "split the states into several factors, each with its own B, or list in A_dependencies and B_dependencies only what "
    "a matrix depends on"
)
LETTERS = ("A", "B", "C", "D", "H", "I", "pA", "pB")
MEMBER = re.compile(r"(?:([ABCDHI]|p[AB])(0|[1-9][0-9]{0,3})|E|policies)\.npy")


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays by name (A0.., B0.., C0.., D0.., H0.., I0.., pA0.., pB0.., E, policies); never unpickled, sizes checked first."""
    faults: list[str] = []
    found: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_bounds(members, faults)
            faults += [
                npz_keys.unknown(member.filename, _beginning(archive, member))
                for member in members[:MAX_MEMBERS]
                if not MEMBER.fullmatch(member.filename)
            ]
            if not faults:
                for member in members:
                    found[member.filename.removesuffix(".npy")] = _read_npy(archive, member, faults)
                faults += too_many_bytes(sum(array.nbytes for array in found.values()))
    except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError) as error:
        faults.append(f"cannot be read as .npz: {npz_keys.what_it_is(path) or error}")
    if faults:
        raise ModelFault([f"{path.name}: {fault}" for fault in faults])
    return found


def _check_bounds(members: Sequence[zipfile.ZipInfo], faults: list[str]) -> None:
    names = [member.filename for member in members]
    if len(names) > MAX_MEMBERS:
        faults.append(
            f"{len(names)} arrays are more than {MAX_MEMBERS}: join modalities or factors"
        )
    total = sum(
        max(member.file_size - LONGEST, 0) for member in members
    )  # the exact sizes are in the headers
    faults += too_many_bytes(total)
    faults += [
        f"{m.filename} of {m.file_size} bytes is larger than {MAX_ENTRIES} entries can be: {SMALLER}"
        for m in members
        if m.file_size > MAX_ENTRIES * WIDEST + LONGEST
    ]
    faults += [f"{name} occurs twice" for name in sorted(set(names)) if names.count(name) > 1]


def too_many_bytes(total: int) -> list[str]:
    """A fault when all arrays together hold too much."""
    return (
        []
        if total <= MAX_TOTAL
        else [
            f"the arrays hold {total} bytes, more than {MAX_TOTAL}: save them as float32, array.astype(np.float32), which halves "
            "float64 and is scaled to sum to 1 in float64 again"
        ]
    )


def _beginning(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """As much of a member as holds its header; nothing when it is damaged."""
    try:
        with archive.open(member) as file:
            return file.read(LONGEST)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
        return b""


def _read_npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, faults: list[str]) -> NDArray[Any]:
    try:
        return plain_array(archive.read(member))
    except ValueError as error:
        faults.append(f"{member.filename} {error}")
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        faults.append(f"{member.filename} is damaged: {error}")
    return np.zeros(0)


def plain_array(data: bytes) -> NDArray[Any]:
    """The array of an .npy file; ValueError when it is none, holds no numbers or another size than it says."""
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
            f"holds {' x '.join(map(str, header.shape))} = {math.prod(header.shape)} entries, more than "
            f"{MAX_ENTRIES}: {SMALLER}"
        )
    return np.frombuffer(rest, dtype=dtype).reshape(
        header.shape, order="F" if header.fortran else "C"
    )


def lists_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """A0, A1, .. -> A = [..]; ModelFault when an index is missing."""
    faults = []
    found: dict[str, Any] = {"E": arrays.get("E"), "policies": arrays.get("policies")}
    for letter in LETTERS:
        indices = sorted(
            int(name[len(letter) :])
            for name in arrays
            if name.startswith(letter) and name[len(letter) :].isdigit()
        )
        if indices != list(range(len(indices))):
            faults.append(
                f"{letter}{next(i for i in range(len(indices)) if i not in indices)} is missing: "
                f"{', '.join(f'{letter}{i}' for i in indices)} are there; numbers begin at 0 and leave none out"
            )
        found[letter] = [arrays[f"{letter}{i}"] for i in indices] or None
    if faults:
        raise ModelFault(faults)
    return found


def make(npz: Path, spec: Path, inference: str) -> tuple[Model, dict[str, Any]]:
    """The model and its labels; ModelFault with every reason why not."""
    check_spec(spec)
    source = Source(**lists_of(read_npz(npz)), spec=read_json(spec.read_bytes(), spec.name))
    return resolve(source, read_json(inference, "--inference"))


def ingest(npz: Path, spec: Path, inference: str, out: Path, labels: Path | None) -> None:
    """Read, resolve, validate and write; ModelFault when the model is not sound."""
    model, names = make(npz, spec, inference)
    write(model, names, out, labels)
