"""How the steps and sources of a finished build stood, and what stands otherwise since builds went on from it.

A line of the steps' file begins with the key of the step, the milliseconds it took, and those of its outputs that were
asked for, each with its number among all of them; then comes the action. What builds that went on have changed stands in
`<name>.since`, bound to the head by its mark; it grows until it is worth writing all anew.
"""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.pack import pack_ints, unpack_strings
from ..lite.record import record
from .snapshot import Snapshot, read, read_steps, write, write_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

JOURNAL = ".since"
_WORDS = 9  # of the row of an output


@record
class StepRecord:
    """The key of a step, the milliseconds it took, and its outputs that were asked for as (number, row)."""

    key: str
    took: int
    wanted: tuple[tuple[int, bytes], ...]

    def line(self) -> bytes:
        """What the line of the step begins with."""
        return b"%s\0%d\0%d\0%s" % (
            self.key.encode(),
            self.took,
            len(self.wanted),
            rows_of(self.wanted, b"\0"),
        )


def rows_of(wanted: Iterable[tuple[int, bytes]], end: bytes) -> bytes:
    """Outputs that were asked for, each with its number before it and something behind it."""
    return b"".join(b"%d\0%s%s" % (at, row, end) for at, row in wanted)


def divided(line: bytes) -> tuple[StepRecord, bytes]:
    """How a step stood, and the rest of its line: its action."""
    key, took, count, rest = line.split(b"\0", 3)
    wanted = []
    for _ in range(int(count)):
        at, *row, rest = rest.split(b"\0", 1 + _WORDS)
        wanted.append((int(at), b"\0".join(row)))
    return StepRecord(key.decode(), int(took), tuple(wanted)), rest


def begin(path: str, parts: Mapping[str, bytes], lines: Iterable[bytes]) -> int:
    """Write head and steps of a build, after which nothing has changed yet; the mark, or 0 where the disk refuses."""
    kept = write_steps(path, lines)
    with suppress(OSError):
        os.unlink(path + JOURNAL)
    return write(path, {**parts, **kept}) if kept else 0


class SavedBuild:
    """A snapshot as it is after all builds that went on from it; what changes is written by `write` or `anew`."""

    def __init__(self, path: str, head: Snapshot, since: Snapshot | None = None) -> None:
        self.path, self.head, self.mark = path, head, head.mark
        self.steps: dict[int, bytes] = {}  # how steps stand that changed since the head was written
        self.sources: dict[int, bytes] = {}  # what sources hold that changed since then
        self._every: list[tuple[StepRecord, bytes]] | None = None
        self.rows = head.parts["source_rows"].split(b"\n")
        self.gates, self.shown = head.parts["gates"], head.parts["shown"]
        if since is not None:
            self.mark, self.gates, self.shown = (
                since.mark,
                since.parts["gates"],
                since.parts["shown"],
            )
            self.steps = dict(zip(since.numbers("steps"), since.parts["stands"].split(b"\n")))
            self.sources = dict(
                zip(since.numbers("sources"), since.parts["source_rows"].split(b"\n"))
            )
            for number, row in self.sources.items():
                self.rows[number] = row

    @property
    def count(self) -> int:
        """How many steps there are."""
        return len(self.head.parts["sums"]) // 8

    @property
    def grown(self) -> bool:
        """Whether so much changed that all of it should be written anew."""
        return 4 * len(self.steps) > self.count

    def load(self) -> bool:
        """Read the lines of all steps at once; whether they are the head's."""
        lines = read_steps(self.path, self.head, range(self.count))
        self._every = None if lines is None else [divided(line) for line in lines]
        return lines is not None

    def read(self, wanted: Sequence[int]) -> list[tuple[StepRecord, list[str]]] | None:
        """How steps stand, and the words of their actions; None when the file is not the head's."""
        found = self.lines(wanted)
        return (
            None if found is None else [(stand, unpack_strings(action)) for stand, action in found]
        )

    def lines(self, wanted: Sequence[int]) -> list[tuple[StepRecord, bytes]] | None:
        """How steps stand, and their actions undecoded; None when the file is not the head's."""
        if self._every is not None:
            found = [self._every[number] for number in wanted]
        else:
            lines = read_steps(self.path, self.head, wanted)
            if lines is None:
                return None
            found = [divided(line) for line in lines]
        if self.steps:
            found = [
                (divided(self.steps[number])[0] if number in self.steps else stand, action)
                for number, (stand, action) in zip(wanted, found)
            ]
        return found

    def keys(self) -> list[str]:
        """The keys of all steps, as far as they can be read."""
        return [stand.key for stand, _ in self.lines(range(self.count)) or ()]

    def outputs(self) -> list[tuple[int, bytes]]:
        """The files of the workspace that were asked for as they are, as (number, row)."""
        rows = (line.split(b"\0", 1) for line in self.shown.split(b"\n")[:-1])
        return [(int(at), row) for at, row in rows]

    def write(self) -> None:
        """Keep what changed, beside the head; without a mark where the disk refuses."""
        self.mark = write(
            self.path + JOURNAL,
            {
                "head": pack_ints([self.head.mark]),
                "steps": pack_ints(self.steps),
                "stands": b"\n".join(self.steps.values()),
                "sources": pack_ints(self.sources),
                "source_rows": b"\n".join(self.sources.values()),
                "gates": self.gates,
                "shown": self.shown,
            },
        )

    def anew(self, path: str, facts: Mapping[str, bytes]) -> None:
        """Write all of it, to a path and with some sections that may be others; without a mark where that cannot be."""
        found = self.lines(range(self.count)) or []
        parts = {
            **self.head.parts,
            "source_rows": b"\n".join(self.rows),
            "gates": self.gates,
            "shown": self.shown,
            **facts,
        }
        lines = [stand.line() + action for stand, action in found]
        self.mark = begin(path, parts, lines) if len(lines) == self.count else 0


def load_saved_build(path: str) -> SavedBuild | None:
    """What a path's snapshot tells, or None when there is none that is whole."""
    head = read(path)
    if head is None:
        return None
    since = read(path + JOURNAL)
    return SavedBuild(
        path,
        head,
        since if since is not None and since.parts["head"] == pack_ints([head.mark]) else None,
    )
