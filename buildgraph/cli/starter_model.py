"""The agent that `init` starts a workspace with: where is the food? Written as .npz by the standard library alone.

Two hidden factors, the forager's place (centre, left, right) and the side of the food, which never changes; two
modalities, the place it sees and what it tastes there; one control, where to go.
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
    # A1[taste][place][side of the food]: nothing at the centre, elsewhere food or an empty dish, 9 times in 10 right.
    "A1": [
        [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.9, 0.1], [0.1, 0.9]],
        [[0.0, 0.0], [0.1, 0.9], [0.9, 0.1]],
    ],
    # B0[next place][place][control]: it arrives where it goes; B1: the food stays.
    "B0": [[[1.0, 0.0, 0.0]] * 3, [[0.0, 1.0, 0.0]] * 3, [[0.0, 0.0, 1.0]] * 3],
    "B1": [[[1.0], [0.0]], [[0.0], [1.0]]],
    "C0": [0.0, 0.0, 0.0],
    "C1": [0.0, 2.0, -2.0],
    "D0": [1.0, 0.0, 0.0],
    "D1": [0.5, 0.5],
}


def spec() -> bytes:
    """The JSON that stands beside the arrays."""
    return json.dumps(SPEC, indent=2).encode() + b"\n"


def npz() -> bytes:
    """The arrays as an uncompressed .npz of little-endian float64; the same bytes every time."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, table in sorted(ARRAYS.items()):
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), _npy(table))
    return whole.getvalue()


def _npy(table: Table) -> bytes:
    """The .npy format, version 1.0: magic, a header that ends at a multiple of 64, the data in C order."""
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
