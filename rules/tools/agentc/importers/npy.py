"""The header of an .npy file, read strictly: numpy's own reader evaluates it and raises whatever Python's parser does.

Format: "\\x93NUMPY", version, length, and a dict of descr, fortran_order and shape as text (NEP 1).
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000
LONGEST = MAX_HEADER + 12
"""Bytes that may stand before the entries: magic, version, length and the header itself."""
WORDS = re.compile(
    r"""\{\s*'descr':\s*(?P<quote>['"])(?P<descr>[<>|=]?[A-Za-z?][0-9]{0,6})(?P=quote),\s*"""
    r"""'fortran_order':\s*(?P<fortran>True|False),\s*"""
    r"""'shape':\s*\((?P<shape>(?:[0-9]{1,18}L?,\s*)*(?:[0-9]{1,18}L?)?)\)\s*,?\s*\}\s*""",
    re.ASCII,
)


class Header(NamedTuple):
    """What stands before the entries of an array: how long it is, and what the entries are."""

    end: int
    descr: str  # numpy's code, such as "<f8" or "|O"
    fortran: bool
    shape: tuple[int, ...]

    @property
    def holds_objects(self) -> bool:
        """Whether the entries are pickled objects."""
        return self.descr.lstrip("<>|=") == "O"


def read_header(data: bytes) -> Header:
    """The header of an array; ValueError when there is none that numpy writes for a plain array."""
    if data[:6] != MAGIC or len(data) < 10 or data[6] not in (1, 2, 3):
        raise ValueError("is no .npy: it does not begin as one")
    wide = 2 if data[6] == 1 else 4
    begin = 8 + wide
    end = begin + int.from_bytes(data[8:begin], "little")
    if end - begin > MAX_HEADER or end > len(data):
        raise ValueError(
            f"its header of {end - begin} bytes does not fit: into the file, and {MAX_HEADER} at most"
        )
    text = data[begin:end].decode("latin-1")
    found = WORDS.fullmatch(text)
    if found is None:
        raise ValueError(f"its header is not that of a plain array: {text.strip()[:60]!r}")
    shape = tuple(int(word.strip(" L")) for word in found["shape"].split(",") if word.strip())
    return Header(end, found["descr"], found["fortran"] == "True", shape)
