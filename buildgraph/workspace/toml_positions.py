"""Where each key and value of a TOML text stands: a linear scan of a text that `tomllib` has accepted."""

from __future__ import annotations

import re
import sys
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from ..types.errors import Location

Path: TypeAlias = "tuple[str | int, ...]"
Spans: TypeAlias = "dict[Path, tuple[int, int]]"

KEY = -1
"""Last part of the path of a key itself: `("hardware",)` is the value's place, `("hardware", KEY)` the key's."""

WORD = r"""(?:[A-Za-z0-9_+:-]++|"(?:[^"\\\n]++|\\.)*+"?+|'[^'\n]*+'?+)"""
_WORD = re.compile(WORD)
_DOT = re.compile(r"[ \t]*+\.[ \t]*+")
_SKIP = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_BLANK = re.compile(r"[ \t]*+")
# Before 3.11.5 a possessive group that holds more than one way ends too soon (python/cpython#106052); to keep all ways
# open costs memory, which a long text has to pay there.
MANY = "*+" if sys.version_info >= (3, 11, 5) else "*"
LONG = rf'''"""(?:[^"\\]++|\\[\s\S]|"{{1,2}}(?!")){MANY}"{{%s,5}}|\'\'\'(?:[^\']++|\'{{1,2}}(?!\')){MANY}\'{{%s,5}}'''
_LONG = re.compile(LONG % (3, 3))
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]++|[^\s,\]}#]++")


def find_positions(path: str, text: str, start: int, length: int = 1) -> Location:
    """The place of an offset in a text, cut to its line."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    room = (last if last >= 0 else len(text)) - start
    return Location(
        path, text.count("\n", 0, start) + 1, start - first + 1, max(1, min(length, room))
    )


class KeyPositions(Mapping[Path, Location]):
    """Key paths of one file to their places; the text is scanned when the first place is asked."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._text = path, text
        self._found: Spans | None = None
        self._headers: frozenset[Path] = frozenset()
        self._lines: list[int] = []

    def _spans(self) -> Spans:
        if self._found is None:
            scan = _Scan(self._text)
            self._found = scan.run()
            self._headers = frozenset(scan.headers)
            self._lines = [0] + [m.end() for m in re.finditer("\n", self._text)]
        return self._found

    def is_header(self, path: Path) -> bool:
        """Whether a table was written as `[path]`, and not as an inline table or by dotted keys."""
        self._spans()
        return path in self._headers

    def __getitem__(self, path: Path) -> Location:
        start, end = self._spans()[path]
        line = bisect_right(self._lines, start)
        newline = self._text.find("\n", start, end)
        length = (newline if newline >= 0 else end) - start
        return Location(self._path, line, start - self._lines[line - 1] + 1, max(1, length))

    def __contains__(self, path: object) -> bool:
        return path in self._spans()

    def __iter__(self) -> Iterator[Path]:
        return iter(self._spans())

    def __len__(self) -> int:
        return len(self._spans())


class SubtreePositions(Mapping[Path, Location]):
    """The places beneath one table, its own path cut off; `moved` sends further paths to where they were written."""

    def __init__(
        self,
        places: Mapping[Path, Location],
        prefix: Path,
        moved: Mapping[Path, Path] | None = None,
    ) -> None:
        self._places, self._prefix, self._moved = places, prefix, moved or {}

    def _full(self, path: Path) -> Path:
        return self._prefix + self._moved.get(path, path)

    def __getitem__(self, path: Path) -> Location:
        return self._places[self._full(path)]

    def __contains__(self, path: object) -> bool:
        return isinstance(path, tuple) and self._full(path) in self._places

    def __iter__(self) -> Iterator[Path]:
        size = len(self._prefix)
        return (path[size:] for path in self._places if path[:size] == self._prefix)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Scan:
    """One walk over a valid text; whatever it does not understand ends the walk, for a place is never vital."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: Spans = {}
        self.arrays: dict[Path, int] = {}
        self.headers: set[Path] = set()

    def run(self) -> Spans:
        """Spans of all keys, values and tables, as offsets."""
        text, table, at = self.text, (), 0
        path: Path = table
        at = self._skip(at)
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
        found = _SKIP.match(self.text, at)
        return found.end() if found else at

    def _blank(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def _header(self, at: int) -> tuple[int, Path]:
        start, many = at, self.text.startswith("[[", at)
        at, keys, spans = self._key(self._blank(at + 1 + many))
        end = self._blank(at) + 1 + many
        path: Path = ()
        for index, key in enumerate(keys):
            path += (key,)
            if many and index == len(keys) - 1:
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
        return self._value(self._blank(self._blank(at) + 1), path)

    def _key(self, at: int) -> tuple[int, list[str], list[tuple[int, int]]]:
        keys: list[str] = []
        spans: list[tuple[int, int]] = []
        while (found := _WORD.match(self.text, at)) is not None:
            keys.append(_unquote(found.group()))
            spans.append(found.span())
            at = found.end()
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
            long = _LONG.match(self.text, at)
            found = long or _WORD.match(self.text, at)
            end = found.end() if found else at + 1
            self.spans[path] = (at, end) if long or end - at < 3 else (at + 1, end - 1)
            return end
        found = _PLAIN.match(self.text, at)
        end = found.end() if found else len(self.text)
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
        at = self._blank(start + 1)
        while at < len(self.text) and self.text[at] != "}":
            at = self._blank(self._pair(at, path))
            if self.text[at : at + 1] == ",":
                at = self._blank(at + 1)
        self.spans[path] = (start, at + 1)
        return at + 1


def _unquote(word: str) -> str:
    if word[0] == "'":
        return word[1:-1]
    if word[0] != '"':
        return word
    return str(tomllib.loads(f"k = {word}")["k"]) if "\\" in word else word[1:-1]
