"""Positions of the keys and values of a TOML text, by a linear scan of valid text."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from ..types.errors import Location
from .toml_text import LONG

Path: TypeAlias = "tuple[str | int, ...]"
Spans: TypeAlias = "dict[Path, tuple[int, int]]"

KEY = -1
"""The last part of the path of a key: `("hardware",)` is the value, `("hardware", KEY)` the key."""

WORD = r"""(?:[A-Za-z0-9_+:-]++|"(?:[^"\\\n]++|\\.)*+"?+|'[^'\n]*+'?+)"""
_WORD = re.compile(WORD)
_DOT = re.compile(r"[ \t]*+\.[ \t]*+")
_SKIP = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_BLANK = re.compile(r"[ \t]*+")
_LONG_STRING = re.compile(LONG % (3, 3))
_BARE_VALUE = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]++|[^\s,\]}#]++")


def location_at(path: str, text: str, start: int, length: int = 1) -> Location:
    """The location of `length` characters at an offset in a text, cut at the end of the line."""
    line_start = text.rfind("\n", 0, start) + 1
    newline = text.find("\n", start)
    rest = (newline if newline >= 0 else len(text)) - start
    line = text.count("\n", 0, start) + 1
    return Location(path, line, start - line_start + 1, max(1, min(length, rest)))


class KeyPositions(Mapping[Path, Location]):
    """The locations in a file by key path. The text is scanned at the first lookup."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self.text = path, text
        self._scanned: Spans | None = None
        self._headers: frozenset[Path] = frozenset()
        self._line_starts: list[int] = []

    def _spans(self) -> Spans:
        if self._scanned is None:
            scan = _Scan(self.text)
            self._scanned = scan.run()
            self._headers = frozenset(scan.headers)
            self._line_starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        return self._scanned

    def is_header(self, path: Path) -> bool:
        """True if a table is written as `[path]`, and not as an inline table or by dotted keys."""
        self._spans()
        return path in self._headers

    def __getitem__(self, path: Path) -> Location:
        start, end = self._spans()[path]
        line = bisect_right(self._line_starts, start)
        newline = self.text.find("\n", start, end)
        length = (newline if newline >= 0 else end) - start
        return Location(self._path, line, start - self._line_starts[line - 1] + 1, max(1, length))

    def __contains__(self, path: object) -> bool:
        return path in self._spans()

    def __iter__(self) -> Iterator[Path]:
        return iter(self._spans())

    def __len__(self) -> int:
        return len(self._spans())


class SubtreePositions(Mapping[Path, Location]):
    """The locations below one table, by paths relative to it.

    `moved` maps a path to the one at which its value is written, as for values of a matrix.
    """

    def __init__(
        self,
        positions: Mapping[Path, Location],
        prefix: Path,
        moved: Mapping[Path, Path] | None = None,
    ) -> None:
        self._positions, self._prefix, self._moved = positions, prefix, moved or {}

    def _full(self, path: Path) -> Path:
        return self._prefix + self._moved.get(path, path)

    def __getitem__(self, path: Path) -> Location:
        return self._positions[self._full(path)]

    def __contains__(self, path: object) -> bool:
        return isinstance(path, tuple) and self._full(path) in self._positions

    def __iter__(self) -> Iterator[Path]:
        size = len(self._prefix)
        return (path[size:] for path in self._positions if path[:size] == self._prefix)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Scan:
    """A scan of a valid text.

    It ends at text that it cannot scan, because positions are only for messages.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: Spans = {}
        self.arrays: dict[Path, int] = {}
        self.headers: set[Path] = set()

    def run(self) -> Spans:
        """The spans of all keys, values and tables, as (start, end) offsets."""
        text = self.text
        path: Path = ()
        at = self._skip(0)
        while at < len(text):
            begin = at
            if text[at] == "[":
                at, path = self._header(at)
            else:
                at = self._pair(at, path)
            at = self._skip(at)
            if at <= begin:
                break
        return self.spans

    def _skip(self, at: int) -> int:
        """The offset after blanks, line breaks and comments."""
        match = _SKIP.match(self.text, at)
        return match.end() if match else at

    def _skip_blanks(self, at: int) -> int:
        match = _BLANK.match(self.text, at)
        return match.end() if match else at

    def _header(self, at: int) -> tuple[int, Path]:
        start, is_array = at, self.text.startswith("[[", at)
        at, keys, spans = self._key(self._skip_blanks(at + 1 + is_array))
        end = self._skip_blanks(at) + 1 + is_array
        path: Path = ()
        for index, key in enumerate(keys):
            path += (key,)
            if is_array and index == len(keys) - 1:
                self.arrays[path] = self.arrays.get(path, -1) + 1
            self.spans.setdefault(path, (start, end))
            self.spans.setdefault((*path, KEY), spans[index])
            if path in self.arrays:
                path += (self.arrays[path],)
        self.spans[path] = (start, end)
        self.spans[(*path, KEY)] = spans[-1] if spans else (start, end)
        self.headers.add(path)
        return end, path

    def _pair(self, at: int, table: Path) -> int:
        at, keys, spans = self._key(at)
        if not keys:
            return len(self.text)
        path = table
        for key, span in zip(keys, spans):
            path += (key,)
            self.spans.setdefault((*path, KEY), span)
            self.spans.setdefault(path, span)
        return self._value(self._skip_blanks(self._skip_blanks(at) + 1), path)

    def _key(self, at: int) -> tuple[int, list[str], list[tuple[int, int]]]:
        keys: list[str] = []
        spans: list[tuple[int, int]] = []
        while (word := _WORD.match(self.text, at)) is not None:
            keys.append(_unquote(word.group()))
            spans.append(word.span())
            at = word.end()
            dot = _DOT.match(self.text, at)
            if dot is None:
                break
            at = dot.end()
        return at, keys, spans

    def _value(self, at: int, path: Path) -> int:
        first = self.text[at : at + 1]
        if first == "[":
            return self._array(at, path)
        if first == "{":
            return self._inline(at, path)
        if first in ('"', "'"):
            long = _LONG_STRING.match(self.text, at)
            string = long or _WORD.match(self.text, at)
            end = string.end() if string else at + 1
            self.spans[path] = (at, end) if long or end - at < 3 else (at + 1, end - 1)
            return end
        bare = _BARE_VALUE.match(self.text, at)
        end = bare.end() if bare else len(self.text)
        self.spans[path] = (at, end)
        return end

    def _array(self, start: int, path: Path) -> int:
        at, index = self._skip(start + 1), 0
        while at < len(self.text) and self.text[at] != "]":
            at = self._skip(self._value(at, (*path, index)))
            index += 1
            if self.text[at : at + 1] == ",":
                at = self._skip(at + 1)
        self.spans[path] = (start, at + 1)
        return at + 1

    def _inline(self, start: int, path: Path) -> int:
        at = self._skip_blanks(start + 1)
        while at < len(self.text) and self.text[at] != "}":
            at = self._skip_blanks(self._pair(at, path))
            if self.text[at : at + 1] == ",":
                at = self._skip_blanks(at + 1)
        self.spans[path] = (start, at + 1)
        return at + 1


def _unquote(word: str) -> str:
    if word[0] == "'":
        return word[1:-1]
    if word[0] != '"':
        return word
    return str(tomllib.loads(f"k = {word}")["k"]) if "\\" in word else word[1:-1]
