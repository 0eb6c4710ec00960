"""Small ELF files of 64 bits for tests: headers, a dynamic segment and a note of properties."""

from __future__ import annotations

import struct
from collections.abc import Sequence

NUMBERS = {"amd64": 62, "arm64": 183, "riscv64": 243}
_HEADERS, _SEGMENT = 64, 56


def elf_file(
    arch: str = "arm64",
    needed: Sequence[str] = (),
    interpreter: str = "",
    runpath: str = "",
    isa: int = 0,
) -> bytes:
    """An ELF file for an architecture that names libraries, a loader, and an x86-64 level."""
    parts: list[tuple[int, bytes]] = []
    if interpreter:
        parts.append((3, interpreter.encode() + b"\0"))
    if isa:
        note = struct.pack("<IIII", 0xC0008002, 4, (1 << isa) - 1, 0)
        parts.append((0x6474E553, struct.pack("<III4s", 4, len(note), 5, b"GNU\0") + note))
    if needed:
        names = b"\0" + b"".join(name.encode() + b"\0" for name in (*needed, runpath))
        offsets, at = [], 1
        for name in needed:
            offsets.append(at)
            at += len(name) + 1
        entries = [(1, offset) for offset in offsets] + ([(29, at)] if runpath else [])
        size = 16 * (len(entries) + 2)
        start = _HEADERS + _SEGMENT * (len(parts) + 2) + sum(len(data) for _, data in parts)
        table = [*entries, (5, start + size), (0, 0)]
        parts.append((2, b"".join(struct.pack("<QQ", *entry) for entry in table) + names))
    first = _HEADERS + _SEGMENT * (len(parts) + 1)
    total = first + sum(len(data) for _, data in parts)
    segments, at = [(1, 0, total)], first
    for kind, data in parts:
        segments.append((kind, at, len(data)))
        at += len(data)
    head = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(b"\x7fELF\x02\x01\x01", 2, NUMBERS[arch], 1, 0, _HEADERS, 0, 0),
        *(64, _SEGMENT, len(segments), 0, 0, 0),
    )
    rows = b"".join(
        struct.pack("<IIQQQQQQ", kind, 5, offset, offset, offset, size, size, 1)
        for kind, offset, size in segments
    )
    return head + rows + b"".join(data for _, data in parts)
