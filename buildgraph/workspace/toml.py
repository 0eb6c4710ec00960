"""BUILD.toml as data: bounded before it is parsed, every fault of a file at once, and the place of every value.

`tomllib` takes 73 s and 6 GB for one line of 100,000 dotted parts, and has no positions. So a linear scan that knows
strings and comments refuses what could cost more than about 2 s or 256 MiB, and `toml_places` finds positions when a
message needs one.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from ..types.errors import BuildError, BuildErrors, Location
from .text_encoding import BOM, wide_encoding
from .toml_positions import LONG, WORD, KeyPositions, find_positions

BYTES, LINE, WORD_LENGTH, PARTS, DEPTH, PIECES = 4 << 20, 64 << 10, 1024, 32, 64, 500_000
FAULTS = 20

_TOKEN = re.compile(
    rf"(?P<text>{LONG % (0, 0)})"
    rf"|(?P<run>{WORD}(?:[ \t]*+\.[ \t]*+{WORD})*+)|(?P<open>[\[{{])|(?P<close>[\]}}])|(?P<note>\#[^\n]*+)"
)
_PART = re.compile(WORD)
_HEADER = re.compile(
    rf"^[ \t]*+\[\[?+[ \t]*+({WORD}(?:[ \t]*+\.[ \t]*+{WORD})*+)[ \t]*+\]\]?+[ \t]*+(?:\#.*+)?$",
    re.MULTILINE,
)
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A parsed file: plain values, and a mapping from key paths to places that is made when first asked."""

    values: dict[str, Any]
    positions: KeyPositions


def parse(data: bytes, path: str) -> Document:
    """Parse a file's bytes, of which `BYTES + 1` are enough.

    BuildErrors with every syntax error, or BuildError when it is no bounded UTF-8 text.
    """
    text = _decode(data, path)
    _bound(text, path)
    faults: list[BuildError] = []
    start: int | None = 0
    values: dict[str, Any] = {}
    while start is not None and len(faults) < FAULTS:
        chunk = text[start:]
        try:
            values = tomllib.loads(chunk)
            break
        except (ValueError, RecursionError) as error:
            offset, fault = _fault(error, text, start, path)
            faults.append(fault)
            start = _next_table(text, max(offset, start + 1))
    if faults:
        raise BuildErrors(faults) if len(faults) > 1 else faults[0]
    return Document(values, KeyPositions(path, text))


def _decode(data: bytes, path: str) -> str:
    if len(data) > BYTES:
        raise BuildError(
            f"the file has more than {BYTES:,} bytes",
            Location(path, 1),
            "split it: each folder may have a BUILD.toml of its own",
            "toml",
        )
    if coding := wide_encoding(data):
        raise BuildError(
            f"the file is written in {coding}", Location(path), "save it as UTF-8", "toml"
        )
    data = data.removeprefix(BOM)
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = (
            len(data[data.rfind(b"\n", 0, error.start) + 1 : error.start].decode(errors="replace"))
            + 1
        )
        raise BuildError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            Location(path, line, column),
            "save the file as UTF-8",
            "toml",
        ) from None
    if "\r" in text:
        raise BuildError(
            "a carriage return without a line feed",
            find_positions(path, text, text.index("\r")),
            "end lines with LF or CRLF",
            "toml",
        )
    return text


def _bound(text: str, path: str) -> None:
    """Refuse what is dear to parse; linear in the file: possessive patterns, each character looked at once or twice."""
    pieces = text.count("\n")
    depth = 0
    if (long := re.search(rf"^.{{{LINE + 1}}}", text, re.MULTILINE)) is not None:
        raise _too("a line of more than 65,536 characters", path, text, long.start())
    for token in _TOKEN.finditer(text):
        pieces += 1
        kind = token.lastgroup
        if kind == "run":
            pieces += _run(token.group(), path, text, token.start())
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(depth - 1, 0)
        if depth > DEPTH:
            raise _too(f"more than {DEPTH} brackets inside each other", path, text, token.start())
        if pieces > PIECES:
            raise _too(
                f"more than {PIECES:,} words, brackets and lines in one file",
                path,
                text,
                token.start(),
            )
    if pieces > PIECES:
        raise _too(f"more than {PIECES:,} words, brackets and lines in one file", path, text, 0)


def _run(run: str, path: str, text: str, at: int) -> int:
    """Check a dotted run of words; returns what its dots weigh: a part costs tomllib twice the time of a key."""
    parts = len(_PART.findall(run)) - 1 if "." in run else 0
    if parts >= PARTS:
        raise _too(f"a key of more than {PARTS} parts", path, text, at)
    if (
        len(run) > WORD_LENGTH
        and (word := re.search(rf"[\w+:-]{{{WORD_LENGTH + 1}}}", run))
        and run[0] not in "\"'"
    ):
        raise _too(
            f"a number or word of more than {WORD_LENGTH:,} characters",
            path,
            text,
            at + word.start(),
        )
    return 2 * parts


def _too(what: str, path: str, text: str, at: int) -> BuildError:
    return BuildError(
        what,
        find_positions(path, text, at),
        "BUILD.toml is bounded so that no file can stall a build",
        "toml",
    )


def _next_table(text: str, offset: int) -> int | None:
    """Where the table after a syntax error begins: parsing goes on there, so that later faults are told too."""
    line = text.rfind("\n", 0, offset) + 1
    found = _HEADER.search(text, line)
    if (
        found is not None
        and found.start() == line
        and offset > line
        and not text[line:offset].isspace()
    ):
        found = _HEADER.search(text, found.end())
    return found.start() if found is not None else None


def _fault(error: Exception, text: str, start: int, path: str) -> tuple[int, BuildError]:
    """The fault at its offset in the whole text, with what to do about it."""
    message = str(error)
    found = _AT.search(message)
    if found is None:
        what = "brackets too deep" if isinstance(error, RecursionError) else message
        return len(text), BuildError(
            what, Location(path, text.count("\n", 0, start) + 1), reason="toml"
        )
    offset = len(text)
    if found[1] is not None:
        chunk = text[start:].split("\n", int(found[1]) - 1)
        offset = len(text) - len(chunk[-1]) + int(found[2]) - 1
    what, fix, shown, length = _explain(message[: found.start()], text, start, offset)
    return offset, BuildError(what, find_positions(path, text, shown, length), fix, "toml")


_WORDS = {
    "Invalid statement": ("a line is a [table] or `key = value`, and this is neither", ""),
    "Expected newline or end of document after a statement": (
        "there is more on the line than one value",
        "one key a line; text of several words needs quotes",
    ),
    "Expected '=' after a key in a key/value pair": (
        "a key without `= value`",
        "write key = value",
    ),
    "Unclosed array": ("this array is not closed", "a comma between the values, and ] at the end"),
    "Unclosed inline table": (
        "this inline table is not closed",
        "a comma between the keys, one line, } at the end",
    ),
    "Invalid initial character for a key part": (
        "a key was expected here",
        "no comma before the } of an inline table",
    ),
    "Unescaped '\\' in a string": (
        "a backslash that escapes nothing",
        "write \\\\, or put the text in single quotes",
    ),
    "Illegal character '\\n'": (
        "the quotes are not closed on this line",
        'close them, or use """ for several lines',
    ),
    "Found invalid character '\\n'": (
        "the quotes are not closed on this line",
        "close them, or use ''' for several lines",
    ),
}


def _explain(message: str, text: str, start: int, offset: int) -> tuple[str, str, int, int]:
    """What is wrong in a user's words, what to do, and the offset and length to point at."""
    if message.startswith("Invalid value"):
        return _not_a_value(text, offset)
    if message.startswith(
        ("Cannot overwrite", "Duplicate inline", "Cannot mutate", "Cannot redefine")
    ):
        line = text.rfind("\n", 0, offset) + 1
        key = re.compile(rf"[ \t]*({WORD})").match(text, line)
        shown, length = (
            (key.start(1), len(key[1]))
            if key and not text.startswith("[", line)
            else (line, offset - line)
        )
        return "this is written twice in its table", "keep one of them", shown, length
    if message.startswith("Cannot declare"):
        return _twice(text, offset)
    what, fix = _WORDS.get(message, (message[:1].lower() + message[1:], ""))
    if message.startswith(("Unterminated", "Unclosed")):
        begin = _opening(text, start, offset, message)
        what = "the quotes are not closed" if message.startswith("Untermin") else what
        return what, fix, begin, 3 if text.startswith(('"""', "'''"), begin) else 1
    return what, fix, offset, 1


def _not_a_value(text: str, offset: int) -> tuple[str, str, int, int]:
    found = re.compile(r"[^\s,#\]}]+").match(text, offset)
    if found is None:
        return (
            "a value is missing here",
            "write text in quotes, a number, true, false, [...] or {...}",
            offset,
            1,
        )
    word = found.group()
    fix = (
        f"write {word.lower()}"
        if word.lower() in ("true", "false")
        else f'put text in quotes: "{word[:60]}"'
    )
    return f"{word[:60]} is not a value", fix, offset, len(word)


def _twice(text: str, offset: int) -> tuple[str, str, int, int]:
    line = text.rfind("\n", 0, offset) + 1
    header = _HEADER.match(text, line)
    if header is None:
        return "this table is written twice", "keep one of them", line, offset - line
    name = re.sub(r"\s", "", header[1])
    first = next((h for h in _HEADER.finditer(text) if re.sub(r"\s", "", h[1]) == name), header)
    number = text.count("\n", 0, first.start(1)) + 1
    fix = f"the first is in line {number}" if first.start() < line else "keep one of them"
    return f"the table [{name}] is written twice", fix, header.start(1), len(header[1])


def _opening(text: str, start: int, offset: int, message: str) -> int:
    """Offset of the innermost bracket, or of the quotes, that are open at `offset`."""
    opened: list[int] = []
    for token in _TOKEN.finditer(text, start, offset):
        if token.lastgroup == "open":
            opened.append(token.start())
        elif token.lastgroup == "close" and opened:
            opened.pop()
        elif token.lastgroup == "text" and message.startswith("Untermin"):
            opened = [token.start()] if token.end() == offset else []
    return opened[-1] if opened else min(offset, max(len(text) - 1, 0))
