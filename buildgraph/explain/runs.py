"""The runs of a log: the actions of each build, with the fields of their keys."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..files.regular_file import read_regular
from ..state.run_log import FILE, HASH, MAGIC, OUTPUTS, split_entries
from ..types.errors import BuildError

_MOST = 1 << 26  # bytes of a log that are read, and of the text of an entry


@dataclass(frozen=True, slots=True)
class LoggedAction:
    """An action of a run: hashes of its key and of its outputs, and the values of its fields."""

    label: str
    place: int
    title: str
    key: str
    outputs: str
    fields: Mapping[str, str]

    @property
    def name(self) -> str:
        """The identity of the action in two runs."""
        return f"{self.label} {self.place} {self.title}"


@dataclass(frozen=True, slots=True)
class Run:
    """A build: its number in the log, the patterns, the exit code, and its actions in order."""

    number: int
    patterns: tuple[str, ...]
    code: int
    actions: Mapping[str, LoggedAction]


def read_runs(path: str) -> list[Run]:
    """The runs of a log, oldest first; BuildError if the file is none.

    The actions that a build took over are those of the build of its request before it. A run whose
    earlier entries were dropped from the log is left out.
    """
    try:
        data = read_regular(path)
    except OSError as error:
        raise BuildError(
            f"cannot read the log of runs {path}: {error.strerror}",
            fix="build something first, or name a copy of `.buildgraph/runs.log`",
            reason="usage",
        ) from None
    if not data.startswith(MAGIC) or len(data) > _MOST:
        raise BuildError(
            f"{path} is no log of runs",
            fix="name a copy of `.buildgraph/runs.log` of another workspace",
            reason="usage",
        )
    runs: list[Run] = []
    last: dict[str, dict[str, LoggedAction]] = {}
    number = 0
    for kind, request, code, block in split_entries(data):
        decoded = _decode(block)
        if kind == "B":
            last[request] = decoded[1] if decoded else {}
            continue
        number += 1
        if decoded is None or (kind == "D" and request not in last):
            continue
        words, actions = decoded
        before = last[request] if kind == "D" else {}
        last[request] = {**before, **actions}
        runs.append(Run(number, words, code, last[request]))
    return runs


def last_run_path(root: str) -> str:
    """The log of a workspace."""
    return os.path.join(root, FILE)


def _decode(block: bytes) -> tuple[tuple[str, ...], dict[str, LoggedAction]] | None:
    """The patterns and the actions of an entry; None if it is damaged."""
    try:
        size, _, rest = block.partition(b"\n")
        packed, hashes = rest[: int(size)], _hashes(rest[int(size) :])
        text = zlib.decompressobj().decompress(packed, _MOST).decode("utf-8", "surrogateescape")
        head, *lines = text.split("\n")
        end = lines.index("")
        names = [line for line in lines[:end] if not line.startswith("=")]
        shared = [_field(name, hashes) for name in names]
        sets = [
            [shared[number] for number in _numbers(line[1:])]
            for line in lines[:end]
            if line.startswith("=")
        ]
        rows = lines[end + 1 :]
        count = len(rows) // 3
        actions: dict[str, LoggedAction] = {}
        for label, named, texts in zip(rows, rows[count:], rows[2 * count :], strict=False):
            members, _, title = named.partition(" ")
            title, _, place = title.partition("\t")
            values, target = (hashes(HASH), hashes(OUTPUTS)), label.rpartition(":")[2]
            own = [
                _field(name.replace("\1", target), hashes)
                for name in (texts.split("\t") if texts else ())
            ]
            fields = dict([*own, *sets[int(members)]])
            action = LoggedAction(label, int(place or 1), title, *values, fields)
            actions[action.name] = action
        return tuple(head.split("\t")), actions
    except (ValueError, IndexError, zlib.error):
        return None


def _hashes(data: bytes) -> Callable[[int], str]:
    """A function that returns the next hash of some bytes; ValueError at the end of the data."""
    at = 0

    def take(size: int) -> str:
        nonlocal at
        at += size
        if at > len(data):
            raise ValueError("too few hashes")
        return data[at - size : at].hex()

    return take


def _field(name: str, hashes: Callable[[int], str]) -> tuple[str, str]:
    """(name, value) of a field; a value that is no text for people is `#` and its hash."""
    plain, mark, value = name.partition("\3")
    return plain, value if mark else f"#{hashes(HASH)}"


def _numbers(text: str) -> Iterator[int]:
    for item in text.split():
        first, _, more = item.partition("+")
        yield from range(int(first), int(first) + int(more or 0) + 1)
