"""The codec of the files in which the engine saves its state: a checked header and packed sections.

    <magic and version><CRC-32 of the rest, 8 hex digits>\\n
    <name>:<bytes> <name>:<bytes> ...\\n
    <the sections, one after the other>

A section holds strings that NUL separates, or integers of 64 bits in the byte order of the machine.
Sections are decoded one by one, so a reader pays only for those that it uses. A CRC-32 detects
damage and torn writes. It does not detect forgery, so readers confirm what they read by stamps or
digests.

Replaces `pickle` and `json`: importing `json` takes 9 ms, and both decode a file as a whole.
`struct` is imported when integers are packed, which a build without changes never does; `array`
would import `collections`.
"""

from __future__ import annotations

import zlib

from . import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CHECKSUM_BYTES = 9  # eight hex digits and a line break


def pack_strings(strings: Iterable[str]) -> bytes:
    """A section of strings. No string may contain NUL; undecodable bytes of file names are kept."""
    return "\0".join(strings).encode("utf-8", "surrogateescape")


def unpack_strings(data: bytes) -> list[str]:
    """The strings of a section.

    An empty section has none, so a list of one empty string is not kept.
    """
    return data.decode("utf-8", "surrogateescape").split("\0") if data else []


def pack_ints(numbers: Iterable[int]) -> bytes:
    """A section of integers from -2**63 to 2**63 - 1; struct.error for any other."""
    from struct import pack

    integers = list(numbers)
    return pack(f"{len(integers)}q", *integers)


def unpack_ints(data: bytes) -> memoryview[int]:
    """The integers of a section as a view of its bytes."""
    return memoryview(data).cast("q")


def header(magic: bytes, parts: Iterable[bytes | bytearray]) -> tuple[bytes, int]:
    """The first bytes of a file with this magic and these parts, and the checksum of the parts."""
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return magic + b"%08x\n" % checksum, checksum


def check_header(magic: bytes, data: bytes) -> tuple[int, int] | None:
    """(offset of the first byte after the header, checksum), or None if the magic or the checksum
    differs.
    """
    start = len(magic) + _CHECKSUM_BYTES
    if not data.startswith(magic):
        return None
    checksum = zlib.crc32(memoryview(data)[start:])
    return (start, checksum) if data[len(magic) : start] == b"%08x\n" % checksum else None


def encode(magic: bytes, sections: Mapping[str, bytes]) -> tuple[tuple[bytes, ...], int]:
    """The bytes of a file with these sections, in pieces to be written, and its checksum.

    Names of sections must not contain a colon or white space.
    """
    sizes = " ".join(f"{name}:{len(data)}" for name, data in sections.items())
    body = b"".join((sizes.encode(), b"\n", *sections.values()))
    first, checksum = header(magic, (body,))
    return (first, body), checksum


def decode(magic: bytes, data: bytes) -> tuple[dict[str, bytes], int] | None:
    """(sections by name, checksum), or None for a file that is damaged or of another version."""
    checked = check_header(magic, data)
    if checked is None:
        return None
    start, checksum = checked
    end = data.index(b"\n", start)
    sections, offset = {}, end + 1
    for entry in data[start:end].split():
        name, _, size = entry.partition(b":")
        sections[name.decode()] = data[offset : offset + int(size)]
        offset += int(size)
    return sections, checksum
