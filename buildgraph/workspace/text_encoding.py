"""The encoding of a text file: UTF-8, or UTF-16 and UTF-32, which are refused by name."""

from __future__ import annotations

BOM = b"\xef\xbb\xbf"


def wide_encoding(data: bytes) -> str:
    """The encoding of a text if it is UTF-16 or UTF-32, with or without a byte order mark; else
    empty.
    """
    start = data[:4]
    if start.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or (
        len(start) == 4 and start.count(0) == 3
    ):
        return "UTF-32" if b"\xff" in start else "UTF-32-LE" if start[0] else "UTF-32-BE"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    if len(start) == 4 and start.count(0) == 2 and (start[0] == 0) != (start[1] == 0):
        return "UTF-16-LE" if start[0] else "UTF-16-BE"
    return ""
