"""Reader of ELF files of 32 and 64 bits: machine, needed libraries, stated instruction set."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from agentc.toolchain.elf import MACHINE

LOAD, DYNAMIC, INTERP, PROPERTY = 1, 2, 3, 0x6474E553  # p_type
NEEDED, STRTAB, RPATH, RUNPATH = 1, 5, 15, 29  # d_tag
_ISA_NEEDED = 0xC0008002  # GNU_PROPERTY_X86_ISA_1_NEEDED
MAGIC = b"\x7fELF"


@dataclass(frozen=True)
class Segment:
    """One program header: type, offset and size in the file, address in memory."""

    kind: int
    offset: int
    size: int
    address: int


@dataclass(frozen=True)
class Binary:
    """An ELF file.

    `machine` is an architecture of OCI, or "machine N" for another. `level` is the number of the
    x86-64 level that the file says it needs (x86-64-v2 is 2), 0 if it says nothing.
    """

    machine: str
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    search: tuple[str, ...] = ()  # RUNPATH or RPATH
    level: int = 0


def read_binary(data: bytes) -> Binary | None:
    """Return the facts of an ELF file; None for anything else, or a file that is cut off."""
    if data[:4] != MAGIC or len(data) < 52:
        return None
    try:
        return _read(data)
    except (struct.error, IndexError, ValueError):
        return None


def _read(data: bytes) -> Binary:
    order = "<" if data[5] == 1 else ">"
    (number,) = struct.unpack_from(f"{order}H", data, 18)
    machine = MACHINE.get(number, f"machine {number}") if order == "<" else f"machine {number}"
    segments = list(_segments(data, order))
    interpreter = next((_text(data, part.offset) for part in segments if part.kind == INTERP), "")
    level = max((_level(data, part) for part in segments if part.kind == PROPERTY), default=0)
    entries = [entry for part in segments if part.kind == DYNAMIC for entry in _dynamic(data, part)]
    table = next((value for tag, value in entries if tag == STRTAB), 0)
    names = _offset(segments, table)

    def texts(*tags: int) -> tuple[str, ...]:
        return tuple(_text(data, names + value) for tag, value in entries if tag in tags)

    search = texts(RUNPATH) or texts(RPATH)
    folders = tuple(folder for text in search for folder in text.split(":") if folder)
    return Binary(machine, interpreter, texts(NEEDED), folders, level)


def _segments(data: bytes, order: str) -> Iterator[Segment]:
    wide = data[4] == 2
    (start,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", data, 32 if wide else 28)
    size, count = struct.unpack_from(f"{order}HH", data, 54 if wide else 42)
    for at in range(start, start + size * count, size):
        if wide:
            kind, _, offset, address, _, length = struct.unpack_from(f"{order}IIQQQQ", data, at)
        else:
            kind, offset, address, _, length = struct.unpack_from(f"{order}5I", data, at)
        yield Segment(kind, offset, length, address)


def _dynamic(data: bytes, part: Segment) -> Iterator[tuple[int, int]]:
    """Yield (d_tag, value) of a dynamic segment."""
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    form, step = (f"{order}QQ", 16) if wide else (f"{order}II", 8)
    for at in range(part.offset, part.offset + part.size - step + 1, step):
        tag, value = struct.unpack_from(form, data, at)
        if tag == 0:
            return
        yield tag, value


def _offset(segments: list[Segment], address: int) -> int:
    """Return the place of an address in the file."""
    for part in segments:
        if part.kind == LOAD and part.address <= address < part.address + part.size:
            return part.offset + address - part.address
    return address


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("utf-8", "replace")


def _level(data: bytes, part: Segment) -> int:
    """Return the x86-64 level that a note of properties says the file needs; 0 for none."""
    end = part.offset + part.size
    at = part.offset
    while at + 16 <= end:
        name, size, kind = struct.unpack_from("<III", data, at)
        at += 12 + (name + 3 & ~3)
        if kind == 5:  # NT_GNU_PROPERTY_TYPE_0
            here, stop = at, at + size
            while here + 8 <= stop:
                tag, length = struct.unpack_from("<II", data, here)
                if tag == _ISA_NEEDED and length == 4:
                    return int(struct.unpack_from("<I", data, here + 8)[0].bit_length())
                here += 8 + (length + 7 & ~7)
        at += size + 7 & ~7
    return 0
