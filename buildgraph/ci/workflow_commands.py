"""Workflow commands of GitHub: lines such as `::error file=a,line=1::text` in the log of a job.

The runner reads them from everything that a step prints. A line counts if `::` is its first text,
or if it contains `##[` anywhere. Text that comes from an action, a title or a file must therefore
be changed before it is printed: `GuardedStream` does that for all output of a verb.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

_COMMAND = re.compile(r"((?:^|[\r\n])\s*)::")
_JSON_NUMBER_SIGN = "\\u0023"
_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY_ESCAPES = _ESCAPES | {":": "%3A", ",": "%2C"}


def format_command(name: str, message: str = "", properties: Mapping[str, object] = {}) -> str:
    """A workflow command in one line; properties without a value are omitted."""
    words = ",".join(
        f"{key}={_escape(str(value), _PROPERTY_ESCAPES)}"
        for key, value in properties.items()
        if value
    )
    return f"::{name}{' ' * bool(words)}{words}::{_escape(message, _ESCAPES)}"


def _escape(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


class GuardedStream:
    """A text stream in whose lines the runner of GitHub finds no command but those of `command`.

    A backslash is put before `::` at the beginning of a line, and into `##[`. In JSON the second
    `#` of `##[` is written as an escape, which keeps the value. JSON lines begin with no `::`.
    """

    def __init__(self, stream: TextIO, as_json: bool = False) -> None:
        self._stream, self._as_json = stream, as_json
        self._line = ""  # the end of what was written of the current line

    def write(self, text: str) -> int:
        """Write text without commands; its length."""
        safe = self._defuse(text)
        self._line = re.split(r"[\r\n]", self._line + safe)[-1]
        if self._line.strip() not in ("", ":"):
            self._line = "." + self._line[-2:]  # no start of `::`, but perhaps one of `##[`
        self._stream.write(safe)
        return len(text)

    def _defuse(self, text: str) -> str:
        if self._as_json:
            return text.replace("##[", f"#{_JSON_NUMBER_SIGN}[")
        known = self._line
        if text.startswith(":") and known.endswith(":"):
            known, text = ".", "\\" + text  # the text before wrote the first half of `::`
        joined = _COMMAND.sub(r"\1\\::", (known + text).replace("##[", "##\\["))
        return joined[len(known) :]

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines without commands."""
        for line in lines:
            self.write(line)

    def command(self, line: str) -> None:
        """Write a command as a line of its own."""
        self._stream.write(("\n" if self._line else "") + line + "\n")
        self._stream.flush()
        self._line = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def write_command(stream: TextIO, line: str) -> None:
    """Write a command to a stream, guarded or not."""
    if isinstance(stream, GuardedStream):
        stream.command(line)
    else:
        stream.write(line + "\n")
        stream.flush()


@contextmanager
def guarded_streams(as_json: bool) -> Iterator[None]:
    """Guard stdout and stderr while a verb runs; a stream that is redirected to a file stays."""
    before = sys.stdout, sys.stderr
    guarded: list[Any] = [
        stream if _is_file(stream) else GuardedStream(stream, as_json and stream is sys.stdout)
        for stream in before
    ]
    sys.stdout, sys.stderr = guarded
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False
