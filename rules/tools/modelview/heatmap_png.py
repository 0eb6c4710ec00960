"""A matrix as a PNG heat map: axis 0 down, axis 1 across, slices of further axes in reading
order.

Exact zeros are pale blue, to distinguish them from small probabilities; 0 to 1 goes from white to
dark red. The PNG Description has the names of the axes. The format is RFC 2083 with 256 palette
colours.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from agentc.ir.types import F64
from modelview.heatmap_text import pool
from numpy.typing import NDArray

CELL, WIDE, GAP = 16, 640, 4
"""Pixels: maximum size of a cell, approximate width of a slice, gap between slices."""
MOST, SLICES = 1024, 256
"""Maximum rows or columns (more are pooled), and maximum slices."""
ZERO, PAPER = 0, 1
"""Palette indices of exact zeros and of the gaps; the rest is the scale."""


def levels(table: F64) -> NDArray[np.uint8]:
    """Return palette indices of probabilities: 2 (just above 0) to 255 (1)."""
    scaled = np.floor(2.0 + np.clip(table, 0.0, 1.0) * 253.0).astype(np.uint8)
    return np.where(table == 0.0, np.uint8(ZERO), scaled)


def picture(array: F64) -> NDArray[np.uint8]:
    """Return palette indices by pixel (height, width)."""
    count = math.prod(array.shape[2:])
    flat = array.reshape(*array.shape[:2], count) if array.ndim > 1 else array.reshape(-1, 1, 1)
    slices = [levels(pool(flat[:, :, k], MOST, MOST)) for k in range(min(flat.shape[2], SLICES))]
    height, width = slices[0].shape
    cell = max(1, min(CELL, WIDE // max(height, width)))
    across = max(1, min(len(slices), (2 * WIDE) // (width * cell + GAP) or 1))
    rows = -(-len(slices) // across)
    page = np.full(
        (rows * (height * cell + GAP) + GAP, across * (width * cell + GAP) + GAP),
        PAPER,
        dtype=np.uint8,
    )
    for number, one in enumerate(slices):
        top, left = (
            GAP + at * (size * cell + GAP)
            for at, size in zip(divmod(number, across), (height, width))
        )
        page[top : top + height * cell, left : left + width * cell] = np.kron(
            one, np.ones((cell, cell), dtype=np.uint8)
        )
    return page


def palette() -> bytes:
    """Return 256 colours as RGB."""
    steps = np.linspace(0.0, 1.0, 254)
    ramp = np.stack(
        [255.0 - 115.0 * steps, 255.0 * (1.0 - steps), 255.0 * (1.0 - steps) ** 1.5], axis=1
    )
    return bytes((222, 232, 245, 96, 96, 96)) + np.round(ramp).astype(np.uint8).tobytes()


def png(page: NDArray[np.uint8], description: str) -> bytes:
    """Encode a picture with its description."""
    height, width = page.shape
    lines = np.concatenate([np.zeros((height, 1), dtype=np.uint8), page], axis=1)
    text = b"Description\0" + description.encode("latin-1", "replace")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", palette()),
            (b"tEXt", text),
            (b"IDAT", zlib.compress(lines.tobytes(), 6)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def describe(name: str, shape: Sequence[int], axes: Sequence[str]) -> str:
    """Describe a picture in one line."""
    sides = [f"{axis} ({size})" for axis, size in zip(axes, shape, strict=True)]
    rest = f"; slices by {', '.join(sides[2:])}" if len(sides) > 2 else ""
    return f"{name}: {sides[0]} down, {sides[1] if len(sides) > 1 else 'one column'} across{rest}"
