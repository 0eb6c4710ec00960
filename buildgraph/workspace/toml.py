"""Parse BUILD.toml: bounded time and memory, all syntax errors of a file, and the location of each
value.

`tomllib` takes 73 s and 6 GB for one line of 100,000 dotted parts, and reports no positions. So a
linear scan that recognises strings and comments refuses files that could take more than about 2 s
or 256 MiB. `toml_positions` determines positions when a message needs them.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from ..types.errors import BuildError, BuildErrors, Location
from .text_encoding import BOM, wide_encoding
from .toml_positions import WORD, KeyPositions, location_at
from .toml_text import LONG, MAX_LINE

BYTES = 4 << 20
"""The largest size of a file."""
_WORD_LENGTH = 1024  # characters
_KEY_PARTS, _DEPTH = 32, 64  # parts of a dotted key, and brackets inside each other
_TOKENS = 500_000  # words, brackets and lines of a file
_ERRORS = 20  # syntax errors that are reported
_TOO_MANY_TOKENS = f"more than {_TOKENS:,} words, brackets and lines in one file"

_TOKEN = re.compile(
    rf"(?P<text>{LONG % (0, 0)})"
    rf"|(?P<key>{WORD}(?:[ \t]*+\.[ \t]*+{WORD})*+)|(?P<open>[\[{{])|(?P<close>[\]}}])"
    r"|(?P<comment>\#[^\n]*+)"
)
_PART = re.compile(WORD)
_HEADER = re.compile(
    rf"^[ \t]*+\[\[?+[ \t]*+({WORD}(?:[ \t]*+\.[ \t]*+{WORD})*+)[ \t]*+\]\]?+[ \t]*+(?:\#.*+)?$",
    re.MULTILINE,
)
_TOMLLIB_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A parsed file: its plain values, and their locations by key path."""

    values: dict[str, Any]
    positions: KeyPositions


def parse(data: bytes, path: str) -> Document:
    """Parse the bytes of a file. The caller need not read more than `BYTES + 1`.

    BuildErrors with all syntax errors, or BuildError for a file that is too large or not UTF-8.
    """
    text = decode_text(data, path)
    _check_bounds(text, path)
    errors: list[BuildError] = []
    start: int | None = 0
    values: dict[str, Any] = {}
    while start is not None and len(errors) < _ERRORS:
        chunk = text[start:]
        try:
            values = tomllib.loads(chunk)
            break
        except (ValueError, RecursionError) as error:
            offset, build_error = _to_build_error(error, text, start, path)
            errors.append(build_error)
            start = _next_table(text, max(offset, start + 1))
    if errors:
        raise BuildErrors(errors) if len(errors) > 1 else errors[0]
    return Document(values, KeyPositions(path, text))


def decode_text(data: bytes, path: str) -> str:
    """The text of a file with LF at the ends of lines.

    BuildError for a file that is too large, not UTF-8, or has other ends of lines.
    """
    if len(data) > BYTES:
        raise BuildError(
            f"the file has more than {BYTES:,} bytes",
            Location(path, 1),
            "split it: each folder may have a BUILD.toml of its own",
            "toml",
        )
    if encoding := wide_encoding(data):
        raise BuildError(
            f"the file is written in {encoding}", Location(path), "save it as UTF-8", "toml"
        )
    data = data.removeprefix(BOM)
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        line_start = data.rfind(b"\n", 0, error.start) + 1
        column = len(data[line_start : error.start].decode(errors="replace")) + 1
        raise BuildError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            Location(path, line, column),
            "save the file as UTF-8",
            "toml",
        ) from None
    if "\r" in text:
        raise BuildError(
            "a carriage return without a line feed",
            location_at(path, text, text.index("\r")),
            "end lines with LF or CRLF",
            "toml",
        )
    return text


def _check_bounds(text: str, path: str) -> None:
    """Refuse a file that could be slow to parse. BuildError.

    The check is linear in the size: its patterns are possessive, so each character is scanned once
    or twice.
    """
    tokens = text.count("\n")
    depth = 0
    if (long := re.search(rf"^.{{{MAX_LINE + 1}}}", text, re.MULTILINE)) is not None:
        raise _bound_error("a line of more than 65,536 characters", path, text, long.start())
    for token in _TOKEN.finditer(text):
        tokens += 1
        kind = token.lastgroup
        if kind == "key":
            tokens += _check_key(token.group(), path, text, token.start())
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(depth - 1, 0)
        if depth > _DEPTH:
            what = f"more than {_DEPTH} brackets inside each other"
            raise _bound_error(what, path, text, token.start())
        if tokens > _TOKENS:
            raise _bound_error(_TOO_MANY_TOKENS, path, text, token.start())
    if tokens > _TOKENS:
        raise _bound_error(_TOO_MANY_TOKENS, path, text, 0)


def _check_key(key: str, path: str, text: str, at: int) -> int:
    """Check a word or dotted key, and return the tokens that its dots count as.

    A part takes `tomllib` twice the time of a key.
    """
    parts = len(_PART.findall(key)) - 1 if "." in key else 0
    if parts >= _KEY_PARTS:
        raise _bound_error(f"a key of more than {_KEY_PARTS} parts", path, text, at)
    if (
        len(key) > _WORD_LENGTH
        and (word := re.search(rf"[\w+:-]{{{_WORD_LENGTH + 1}}}", key))
        and key[0] not in "\"'"
    ):
        raise _bound_error(
            f"a number or word of more than {_WORD_LENGTH:,} characters",
            path,
            text,
            at + word.start(),
        )
    return 2 * parts


def _bound_error(what: str, path: str, text: str, at: int) -> BuildError:
    return BuildError(
        what,
        location_at(path, text, at),
        "limits of BUILD.toml keep a file from stalling a build",
        "toml",
    )


def _next_table(text: str, offset: int) -> int | None:
    """The offset of the first table after a syntax error.

    Parsing continues there, to report later errors.
    """
    line = text.rfind("\n", 0, offset) + 1
    header = _HEADER.search(text, line)
    if (
        header is not None
        and header.start() == line
        and offset > line
        and not text[line:offset].isspace()
    ):
        header = _HEADER.search(text, header.end())
    return header.start() if header is not None else None


def _to_build_error(error: Exception, text: str, start: int, path: str) -> tuple[int, BuildError]:
    """(offset in the whole text, BuildError) for an error of `tomllib` in the text from `start`."""
    message = str(error)
    position = _TOMLLIB_POSITION.search(message)
    if position is None:
        what = "brackets too deep" if isinstance(error, RecursionError) else message
        return len(text), BuildError(
            what, Location(path, text.count("\n", 0, start) + 1), reason="toml"
        )
    offset = len(text)
    if position[1] is not None:
        chunk = text[start:].split("\n", int(position[1]) - 1)
        offset = len(text) - len(chunk[-1]) + int(position[2]) - 1
    what, fix, begin, length = _explain(message[: position.start()], text, start, offset)
    return offset, BuildError(what, location_at(path, text, begin, length), fix, "toml")


_EXPLANATIONS = {
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
    """Explain a message of `tomllib`: (what is wrong, what to do, offset, length)."""
    if message.startswith("Invalid value"):
        return _explain_value(text, offset)
    if message.startswith(
        ("Cannot overwrite", "Duplicate inline", "Cannot mutate", "Cannot redefine")
    ):
        line = text.rfind("\n", 0, offset) + 1
        key = re.compile(rf"[ \t]*({WORD})").match(text, line)
        begin, length = (
            (key.start(1), len(key[1]))
            if key and not text.startswith("[", line)
            else (line, offset - line)
        )
        return "this is written twice in its table", "keep one of them", begin, length
    if message.startswith("Cannot declare"):
        return _explain_table(text, offset)
    what, fix = _EXPLANATIONS.get(message, (message[:1].lower() + message[1:], ""))
    if message.startswith(("Unterminated", "Unclosed")):
        begin = _open_bracket(text, start, offset, message)
        what = "the quotes are not closed" if message.startswith("Untermin") else what
        return what, fix, begin, 3 if text.startswith(('"""', "'''"), begin) else 1
    return what, fix, offset, 1


def _explain_value(text: str, offset: int) -> tuple[str, str, int, int]:
    """The explanation of text that is not a value."""
    match = re.compile(r"[^\s,#\]}]+").match(text, offset)
    if match is None:
        return (
            "a value is missing here",
            "write text in quotes, a number, true, false, [...] or {...}",
            offset,
            1,
        )
    word = match.group()
    fix = (
        f"write {word.lower()}"
        if word.lower() in ("true", "false")
        else f'put text in quotes: "{word[:60]}"'
    )
    return f"{word[:60]} is not a value", fix, offset, len(word)


def _explain_table(text: str, offset: int) -> tuple[str, str, int, int]:
    """The explanation of a table that is declared twice."""
    line = text.rfind("\n", 0, offset) + 1
    header = _HEADER.match(text, line)
    if header is None:
        return "this table is written twice", "keep one of them", line, offset - line
    name = re.sub(r"\s", "", header[1])
    first = next((h for h in _HEADER.finditer(text) if re.sub(r"\s", "", h[1]) == name), header)
    number = text.count("\n", 0, first.start(1)) + 1
    fix = f"the first is in line {number}" if first.start() < line else "keep one of them"
    return f"the table [{name}] is written twice", fix, header.start(1), len(header[1])


def _open_bracket(text: str, start: int, offset: int, message: str) -> int:
    """The offset of the innermost bracket, or of the quotes, that are open at `offset`."""
    open_offsets: list[int] = []
    for token in _TOKEN.finditer(text, start, offset):
        if token.lastgroup == "open":
            open_offsets.append(token.start())
        elif token.lastgroup == "close" and open_offsets:
            open_offsets.pop()
        elif token.lastgroup == "text" and message.startswith("Untermin"):
            open_offsets = [token.start()] if token.end() == offset else []
    return open_offsets[-1] if open_offsets else min(offset, max(len(text) - 1, 0))
