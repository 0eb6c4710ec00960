"""Layers of an image without their compression."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

LARGEST_LAYER = 8 << 30  # bytes, unpacked
_PIECE = 1 << 20


def unpacked(path: Path, media_type: str) -> Iterator[bytes]:
    """Yield the tar of a layer, plain or gzip; ValueError above the largest size.

    The standard library cannot unpack zstd.
    """
    with path.open("rb") as stream:
        blocks = iter(lambda: stream.read(_PIECE), b"")
        yield from blocks if media_type.endswith("tar") else gunzip(blocks)


def gunzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip members one after the other, up to a limit."""
    size, member = 0, zlib.decompressobj(31)
    for block in blocks:
        while block:
            plain = member.decompress(block, _PIECE)
            size += len(plain)
            if size > LARGEST_LAYER:
                raise ValueError(f"a layer of more than {LARGEST_LAYER} bytes")
            yield plain
            block = member.unconsumed_tail
            if member.eof:
                block = member.unused_data
                member = zlib.decompressobj(31)
