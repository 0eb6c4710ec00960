"""The agent of `buildgraph init`, which finds food; written as .npz by the standard library alone.

Two hidden factors: the place of the forager (centre, left, right) and the side of the food, which
never changes. Two modalities: the place that it sees, and the taste there. One control: the place
to go to.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from typing import Any, TypeAlias

Table: TypeAlias = list[Any]

_STAY = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
SPEC = {
    "A_dependencies": [[0], [0, 1]],
    "B_dependencies": [[0], [1]],
    "num_controls": [3, 1],
    "policy_len": 2,
}
ARRAYS: dict[str, Table] = {
    "A0": _STAY,
    # A1[taste][place][side of the food]: no taste at the centre; elsewhere food or an empty dish,
    # which is right with probability 0.9.
    "A1": [
        [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.9, 0.1], [0.1, 0.9]],
        [[0.0, 0.0], [0.1, 0.9], [0.9, 0.1]],
    ],
    # B0[next place][place][control]: a move always succeeds. B1: the food stays where it is.
    "B0": [[[1.0, 0.0, 0.0]] * 3, [[0.0, 1.0, 0.0]] * 3, [[0.0, 0.0, 1.0]] * 3],
    "B1": [[[1.0], [0.0]], [[0.0], [1.0]]],
    "C0": [0.0, 0.0, 0.0],
    "C1": [0.0, 2.0, -2.0],
    "D0": [1.0, 0.0, 0.0],
    "D1": [0.5, 0.5],
}


def spec() -> bytes:
    """Return the content of the .json file beside the arrays."""
    return json.dumps(SPEC, indent=2).encode() + b"\n"


def npz() -> bytes:
    """Return the arrays as an uncompressed .npz of little-endian float64; always the same bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, table in sorted(ARRAYS.items()):
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), _npy(table))
    return file.getvalue()


def _npy(table: Table) -> bytes:
    """Encode a table in the .npy format, version 1.0.

    It has a magic number, a header that ends at a multiple of 64, and the data in C order.
    """
    header = str({"descr": "<f8", "fortran_order": False, "shape": _shape(table)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    data = list(_flat(table))
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header))
        + header
        + struct.pack(f"<{len(data)}d", *data)
    )


def _shape(table: Table) -> tuple[int, ...]:
    return (len(table), *(_shape(table[0]) if isinstance(table[0], list) else ()))


def _flat(table: Table) -> Iterator[float]:
    for entry in table:
        yield from _flat(entry) if isinstance(entry, list) else (entry,)
