"""The writes of a disk in the order in which a board made them, as QEMU's `blklogwrites` records
them (the format of dm-log-writes).

A power cut keeps every write before the last completed flush, and any part of those after it.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_MAGIC, _VERSION = 0x6A736677736872, 1
_SUPER = struct.Struct("<QQQI")
_ENTRY = struct.Struct("<QQQQ")
_FLUSH, _FUA, _DISCARD, _MARK = 1, 2, 4, 8
SECTOR = 512


@dataclass(frozen=True, slots=True)
class Write:
    """A write: byte offset and data. A flush has no data. `durable`: it is a flush itself.

    `logged` is the size of the log with this entry, in bytes.
    """

    at: int
    data: bytes
    flush: bool = False
    durable: bool = False
    logged: int = 0


def read(log: Path) -> list[Write]:
    """Read a log; ValueError for another format or a log that was cut off in an entry."""
    content = log.read_bytes()
    magic, version, count, sector = _SUPER.unpack_from(content)
    if (magic, version, sector) != (_MAGIC, _VERSION, SECTOR):
        raise ValueError(f"{log} is not a write log of version 1 with sectors of 512 bytes")
    writes, at = list[Write](), SECTOR
    for _ in range(count):
        start, sectors, flags, _length = _ENTRY.unpack_from(content, at)
        at += SECTOR
        size = 0 if flags & _DISCARD else sectors * SECTOR
        data = content[at : at + size]
        if len(data) != size:
            raise ValueError(f"{log} ends within an entry")
        at += size
        if flags & (_FLUSH | _MARK):
            writes.append(Write(0, b"", flush=True, logged=at))
        if data or flags & _DISCARD:
            data = data or bytes(sectors * SECTOR)
            writes.append(Write(start * SECTOR, data, durable=bool(flags & _FUA), logged=at))
    return writes


def durable_before(writes: Sequence[Write], end: int) -> int:
    """Return how many of the first `end` writes a completed flush has made durable."""
    flushes = [index for index in range(end) if writes[index].flush]
    return flushes[-1] + 1 if flushes else 0


def cut(writes: Sequence[Write], end: int, seed: int | None) -> Iterator[Write]:
    """Yield the writes that reach the disk when the power is cut after the first `end` of them.

    With a `seed` the disk has lost some of the writes since the last flush, has torn one of them
    at a sector, and has made the others in another order. Without one all of them are there.
    """
    durable = durable_before(writes, end)
    yield from (write for write in writes[:durable] if not write.flush)
    loose = [write for write in writes[durable:end] if not write.flush]
    if seed is None:
        yield from loose
        return
    chance = random.Random(seed)
    kept = [write for write in loose if write.durable or chance.random() < 0.5]
    chance.shuffle(kept)
    for index, write in enumerate(kept):
        sectors = len(write.data) // SECTOR
        if index == len(kept) - 1 and sectors > 1 and not write.durable:
            write = Write(write.at, write.data[: chance.randrange(1, sectors) * SECTOR])
        yield write


def replay(disk: Path, writes: Iterator[Write]) -> None:
    """Make writes on a disk."""
    with disk.open("r+b") as file:
        for write in writes:
            file.seek(write.at)
            file.write(write.data)
