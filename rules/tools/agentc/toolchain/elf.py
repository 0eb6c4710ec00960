"""Reader of ELF files: sizes of flash and memory, the agent of an object, segments of a program."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from typing import NamedTuple

from agentc.toolchain.errors import ToolchainError

WRITE, ALLOCATED = 1, 2  # sh_flags
WRITABLE = 2  # p_flags
SYMBOLS, EMPTY = 2, 8  # sh_type
PREFIX = b"agent_"
MACHINE = {62: "amd64", 183: "arm64", 40: "arm", 243: "riscv64"}  # e_machine of the ELF header


class Section(NamedTuple):
    """One section header."""

    kind: int
    flags: int
    offset: int
    size: int
    link: int


def sections(data: bytes) -> list[Section]:
    """Return the sections of a 32-bit little-endian object; ToolchainError for another kind."""
    if data[:6] != b"\x7fELF\x01\x01":
        raise ToolchainError("the object is not a 32-bit little-endian ELF file")
    (start,), (size, count) = (
        struct.unpack_from("<I", data, 32),
        struct.unpack_from("<HH", data, 46),
    )
    headers = []
    for number in range(count):
        _, kind, flags, _, offset, length, link = struct.unpack_from(
            "<7I", data, start + number * size
        )
        headers.append(Section(kind, flags, offset, length, link))
    return headers


def sizes(data: bytes) -> dict[str, int]:
    """Return {"flash": bytes, "memory": bytes}.

    Flash holds code, tables and initial values; memory holds variables.
    """
    kept = [one for one in sections(data) if one.flags & ALLOCATED]
    return {
        "flash": sum(one.size for one in kept if one.kind != EMPTY),
        "memory": sum(one.size for one in kept if one.flags & WRITE),
    }


def agent_symbol(data: bytes) -> str:
    """Return the symbol of the one agent that the object defines; ToolchainError otherwise."""
    symbols = sorted(
        name.decode("ascii") for name, home in _symbols(data) if name.startswith(PREFIX) and home
    )
    if len(symbols) != 1:
        raise ToolchainError(f"the object defines {len(symbols)} agents, not one")
    return symbols[0]


def _symbols(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield (name, index of its section or 0) of every symbol."""
    table = sections(data)
    for one in table:
        if one.kind == SYMBOLS:
            names = data[table[one.link].offset :]
            for at in range(one.offset, one.offset + one.size, 16):
                name, _, _, _, _, home = struct.unpack_from("<IIIBBH", data, at)
                yield names[name : names.index(b"\0", name)], home


def stored(data: bytes) -> int:
    """Return the bytes of an object in a file or in flash, 32 or 64 bits; zeroed variables take
    none.
    """
    return _taken(data, {EMPTY})


def loaded(data: bytes) -> int:
    """Return the bytes of an object in memory, 32 or 64 bits, with its zeroed variables."""
    return _taken(data, frozenset())


def _taken(data: bytes, without: Container[int]) -> int:
    wide = data[4] == 2
    (start,) = struct.unpack_from("<Q", data, 40) if wide else struct.unpack_from("<I", data, 32)
    size, count = struct.unpack_from("<HH", data, 58 if wide else 46)
    taken = 0
    for at in range(start, start + size * count, size):
        if wide:
            kind, flags, _, _, length = struct.unpack_from("<IQQQQ", data, at + 4)
        else:
            kind, flags, _, _, length = struct.unpack_from("<5I", data, at + 4)
        taken += length * bool(flags & ALLOCATED and kind not in without)
    return int(taken)


def segments(data: bytes) -> tuple[str, list[tuple[int, int]]]:
    """Return (architecture, [(p_type, p_memsz)]) of a little-endian file; ToolchainError
    otherwise.
    """
    if data[:4] != b"\x7fELF" or data[5] != 1:
        raise ToolchainError("the program is not a little-endian ELF file")
    wide = data[4] == 2
    machine = struct.unpack_from("<H", data, 18)[0]
    (start,) = struct.unpack_from("<Q", data, 32) if wide else struct.unpack_from("<I", data, 28)
    size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    headers = []
    for number in range(count):
        at = start + number * size
        kind = struct.unpack_from("<I", data, at)[0]
        headers.append(
            (
                kind,
                struct.unpack_from("<Q", data, at + 40)[0]
                if wide
                else struct.unpack_from("<I", data, at + 20)[0],
            )
        )
    return MACHINE.get(machine, f"machine {machine}"), headers


class Load(NamedTuple):
    """A segment that the kernel maps: address, bytes in memory, alignment in bytes."""

    address: int
    size: int
    align: int
    is_writable: bool = False


def loads(data: bytes) -> list[Load]:
    """Return the segments that the kernel maps, of 32 or 64 bits; ToolchainError otherwise."""
    segments(data)  # checks the header
    wide = data[4] == 2
    (start,) = struct.unpack_from("<Q", data, 32) if wide else struct.unpack_from("<I", data, 28)
    size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    mapped = []
    for at in range(start, start + size * count, size):
        if struct.unpack_from("<I", data, at)[0] != 1:
            continue
        if wide:
            address, _, _, length, align = struct.unpack_from("<5Q", data, at + 16)
            (flags,) = struct.unpack_from("<I", data, at + 4)
        else:
            address, _, _, length, flags, align = struct.unpack_from("<6I", data, at + 8)
        mapped.append(Load(address, length, align, bool(flags & WRITABLE)))
    return mapped
