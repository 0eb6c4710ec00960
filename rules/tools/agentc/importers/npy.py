"""Header of an .npy file, read strictly. numpy evaluates headers and raises any parser error.

Format: "\\x93NUMPY", version, length, and a dict of descr, fortran_order and shape as text (NEP 1).
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000
LONGEST = MAX_HEADER + 12
"""Maximum bytes before the entries: magic, version, length and header."""
WORDS = re.compile(
    r"""\{\s*'descr':\s*(?P<quote>['"])(?P<descr>[<>|=]?[A-Za-z?][0-9]{0,6})(?P=quote),\s*"""
    r"""'fortran_order':\s*(?P<fortran>True|False),\s*"""
    r"""'shape':\s*\((?P<shape>(?:[0-9]{1,18}L?,\s*)*(?:[0-9]{1,18}L?)?)\)\s*,?\s*\}\s*""",
    re.ASCII,
)


class Header(NamedTuple):
    """Parsed header: end of the header in bytes, and type, order and shape of the entries."""

    end: int
    descr: str  # numpy's code, such as "<f8" or "|O"
    fortran: bool
    shape: tuple[int, ...]

    @property
    def holds_objects(self) -> bool:
        """Return whether the entries are pickled objects."""
        return self.descr.lstrip("<>|=") == "O"


def read_header(data: bytes) -> Header:
    """Parse the header; ValueError if numpy would not write it for a plain array."""
    if data[:6] != MAGIC or len(data) < 10 or data[6] not in (1, 2, 3):
        raise ValueError("is not an .npy: it does not begin as one")
    wide = 2 if data[6] == 1 else 4
    begin = 8 + wide
    end = begin + int.from_bytes(data[8:begin], "little")
    if end - begin > MAX_HEADER or end > len(data):
        raise ValueError(
            f"its header of {end - begin} bytes does not fit: into the file, and {MAX_HEADER} at "
            "most"
        )
    text = data[begin:end].decode("latin-1")
    fields = WORDS.fullmatch(text)
    if fields is None:
        raise ValueError(f"its header is not that of a plain array: {text.strip()[:60]!r}")
    shape = tuple(int(word.strip(" L")) for word in fields["shape"].split(",") if word.strip())
    return Header(end, fields["descr"], fields["fortran"] == "True", shape)
