"""The units of a BUILD.toml: the tables that can be parsed without the rest of the file.

A unit is a table `[a.b]` with all tables whose paths begin with its path, such as `[a.b.env]`. No
other table of the file can change its values, so two files with an equal text of a unit have equal
values in it. After an edit, only the units that changed are parsed.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property

from .toml import BYTES, decode_text
from .toml_positions import WORD
from .toml_text import LONG

_HEADER = re.compile(
    rf"^[ \t]*+\[(\[?+)[ \t]*+({WORD}(?:[ \t]*+\.[ \t]*+{WORD})*+)[ \t]*+\]\]?+[ \t]*+(?:\#.*+)?$",
    re.MULTILINE,
)
# Three quotes that begin no string of several lines are left, so that an open one is noticed.
_SHORT = r'""(?!")|"(?:[^"\\\n]|\\[^\n])+"|' + r"''(?!')|'[^'\n]++'"
_NO_SYNTAX = re.compile(rf"{LONG % (3, 3)}|{_SHORT}|\#[^\n]*+")
_BARE = re.compile(r"[A-Za-z0-9_.-]++")


@dataclass
class Unit:
    """The tables of a unit in the order of the file, without blank lines at their ends."""

    tables: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The tables as one text."""
        return "".join(self.tables)

    @cached_property
    def digest(self) -> str:
        """A digest of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:32]

    @property
    def is_whole(self) -> bool:
        """True if each table ends outside of strings and brackets.

        If that holds for all units of a valid file, each line that looks like `[table]` is one.
        """
        return all(map(_is_whole, self.tables))


def split_units(data: bytes, path: str) -> dict[str, Unit] | None:
    """The units of a file by the parts of their paths, one a line.

    None if the file has arrays of tables, or values outside of tables. BuildError if it cannot be
    decoded.
    """
    if len(data) > BYTES:
        return None
    text = decode_text(data, path)
    text = text if text.endswith("\n") else f"{text}\n"
    headers = list(_HEADER.finditer(text))
    starts = [header.start() for header in headers]
    before = text[: starts[0]] if starts else text
    if not _is_whole(before) or _NO_SYNTAX.sub("", before).strip():
        return None
    paths = []
    for header in headers:
        parts = _parts(header[2])
        if header[1] or parts is None:
            return None
        paths.append(parts)
    known, units = set(paths), dict[str, Unit]()
    for parts, start, end in zip(paths, starts, [*starts[1:], len(text)]):
        first = parts
        if len(parts) > 1:
            ends = range(1, len(parts))
            first = next((parts[:end] for end in ends if parts[:end] in known), parts)
        table = text[start:end].rstrip(" \t\n") + "\n"
        units.setdefault("\n".join(first), Unit()).tables.append(table)
    return units


def _parts(key: str) -> tuple[str, ...] | None:
    """The parts of a dotted key; None if one has a character that no label has."""
    if _BARE.fullmatch(key):
        return tuple(key.split("."))
    try:
        table = tomllib.loads(f"[{key}]")
    except ValueError:
        return None
    parts: list[str] = []
    while table:
        ((part, table),) = table.items()
        parts.append(part)
    return tuple(parts) if all(part.isprintable() for part in parts) else None


def _is_whole(text: str) -> bool:
    rest = _NO_SYNTAX.sub("", text)
    brackets = [rest.count(bracket) for bracket in "[]{}"]
    return brackets[::2] == brackets[1::2] and not {'"', "'"} & {*rest}
