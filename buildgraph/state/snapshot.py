"""The saved state of a request: its graph, and the results of the last build of it.

    <name>           buildgraph snapshot 9\\n
                     <bytes of graph> <bytes of actions> <bytes of results>\\n   in hex
                     <graph><actions><results><records>
    <name>.journal   what later builds changed

`graph`, `results` and the journal are packed sections (`lite/pack.py`). `actions` has a line for
each action of the graph, `records` a line for its last result. Sections hold the offset and the
CRC-32 of each line, so a build reads the lines that a change reaches and no others. The snapshot of
a graph that was never built ends after `actions`.

A journal is bound to the results by their checksum, and the results to the graph. A part that is
damaged or of another version counts as missing, and so does all that follows from it. Readers
confirm what they take by stamps or digests.
"""

from __future__ import annotations

import os
import zlib

from ..files.regular_file import open_regular, read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.pack import decode, encode, pack_ints, pack_strings, unpack_ints, unpack_strings
from ..lite.record import Record
from .step_codec import StepRecord, decode_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAGIC = b"buildgraph snapshot 9\n"
_GRAPH, _RESULTS, _JOURNAL = b"graph\n", b"results\n", b"buildgraph journal 7\n"
_START = len(MAGIC) + 27  # where the graph begins
JOURNAL = ".journal"


class Sections(Record):
    """Packed sections by name, and their checksum."""

    parts: Mapping[str, bytes]
    checksum: int

    def strings(self, name: str) -> list[str]:
        """A section of strings."""
        return unpack_strings(self.parts[name])

    def ints(self, name: str) -> memoryview[int]:
        """A section of integers."""
        return unpack_ints(self.parts[name])


class _File:
    """A snapshot file.

    The descriptor stays open, so a file that replaces it does not mix with this one.
    """

    def __init__(self, path: str) -> None:
        self._fd = open_regular(path)
        self._size = os.fstat(self._fd).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from an offset; fewer at the end of the file."""
        return os.pread(self._fd, min(size, self._size), offset)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)


class _Bytes:
    """A snapshot in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from an offset; fewer at the end."""
        return self._data[offset : offset + size]


class Snapshot:
    """A graph, and the results of its last build if there are any.

    A build that goes on sets what it found: `source_rows` are the contents of sources, `verdicts`
    those of gates, and `file_states` the states of requested outputs that no action makes.
    `is_changed` is True if a value that was set differs from that of the last build.
    """

    def __init__(self, file: _File | _Bytes, graph: Sections, sizes: tuple[int, int, int]) -> None:
        self._file, self._sizes, self.graph = file, sizes, graph
        self._records: dict[int, StepRecord] = {}
        self.results: Sections | None = None
        self.checksum = 0  # of the state, journal included; 0 if there are no results
        self.source_rows: list[bytes] = []
        self.verdicts = self.file_states = b""
        self.is_changed = False
        self._changed_records: dict[int, bytes] = {}  # since the file was written
        self._changed_sources: dict[int, bytes] = {}
        self._changed_graph = b""

    @property
    def count(self) -> int:
        """The number of actions."""
        return len(self.graph.parts["line_sums"]) // 8

    @property
    def needs_compaction(self) -> bool:
        """True if the whole snapshot should be written again.

        That is so if the journal has grown much, or if the graph was changed.
        """
        return bool(self._changed_graph) or 4 * len(self._changed_records) > self.count

    def actions(self, numbers: Sequence[int]) -> list[bytes] | None:
        """The lines of actions, or None if one is damaged."""
        return self._lines(self.graph, _START + self._sizes[0], numbers)

    def records(self, numbers: Sequence[int]) -> list[StepRecord] | None:
        """The last results of actions, or None if one is damaged. Each is read once."""
        unread = [number for number in numbers if number not in self._records]
        if unread:
            assert self.results is not None, "this graph has no results"
            lines = self._lines(self.results, _START + sum(self._sizes), unread)
            if lines is None:
                return None
            for number, line in zip(unread, lines):
                self._records[number] = decode_record(self._changed_records.get(number, line))
        return [self._records[number] for number in numbers]

    def changed_keys(self) -> list[str]:
        """The keys of actions whose results are in the journal."""
        return [decode_record(line).key for line in self._changed_records.values()]

    def set_record(self, number: int, last: StepRecord) -> None:
        """Set the last result of an action."""
        if self._records.get(number) != last:
            self._records[number], self.is_changed = last, True
            self._changed_records[number] = last.line()

    def set_source(self, number: int, row: bytes) -> bool:
        """Set the content of a source; True if it differs."""
        if self.source_rows[number] == row:
            return False
        self.source_rows[number] = self._changed_sources[number] = row
        self.is_changed = True
        return True

    def set_graph_strings(self, name: str, strings: Iterable[str]) -> None:
        """Replace a section of the graph that no action depends on."""
        parts = {**self.graph.parts, name: pack_strings(strings)}
        pieces, checksum = encode(_GRAPH, parts)
        self.graph, self._changed_graph = Sections(parts, checksum), b"".join(pieces)
        self.is_changed = True

    def set_states(self, verdicts: bytes, file_states: bytes) -> None:
        """Set the verdicts of gates, and the states of outputs that no action makes."""
        self.is_changed |= (verdicts, file_states) != (self.verdicts, self.file_states)
        self.verdicts, self.file_states = verdicts, file_states

    def take_results(self, results: Sections, journal: Sections | None) -> None:
        """Take over the results of the last build, and what later builds changed of them."""
        self.results, self.checksum = results, results.checksum
        self.source_rows = results.parts["source_rows"].split(b"\n")
        state = results
        if journal is not None and journal.ints("results")[0] == results.checksum:
            state, self.checksum = journal, journal.checksum
            records, rows = journal.parts["records"], journal.parts["source_rows"]
            self._changed_records = dict(zip(journal.ints("numbers"), records.split(b"\n")))
            self._changed_sources = dict(zip(journal.ints("sources"), rows.split(b"\n")))
            for number, row in self._changed_sources.items():
                self.source_rows[number] = row
        self.verdicts, self.file_states = state.parts["verdicts"], state.parts["file_states"]

    def adopt_results(self, other: Snapshot) -> bool:
        """Take over the results of a snapshot with the same number of actions; False if damaged.

        Sources that the other does not have get an empty row.
        """
        numbers = range(other.count)
        records = other.records(numbers)
        if records is None:
            return False
        assert other.results is not None, "the other snapshot was built"
        self._records = dict(zip(numbers, records))
        self.results = other.results
        rows = dict(zip(other.graph.strings("sources"), other.source_rows))
        self.source_rows = [rows.get(name, b"") for name in self.graph.strings("sources")]
        self.verdicts, self.file_states = other.verdicts, other.file_states
        return True

    def write_journal(self, path: str) -> None:
        """Write what changed beside the file of the results.

        The checksum is 0 if the disk refuses.
        """
        assert self.results is not None, "a journal belongs to results"
        pieces, checksum = encode(
            _JOURNAL,
            {
                "results": pack_ints([self.results.checksum]),
                "numbers": pack_ints(self._changed_records),
                "records": b"\n".join(self._changed_records.values()),
                "sources": pack_ints(self._changed_sources),
                "source_rows": b"\n".join(self._changed_sources.values()),
                "verdicts": self.verdicts,
                "file_states": self.file_states,
            },
        )
        self.checksum = checksum if replace_file(path + JOURNAL, pieces) else 0

    def encode(self, facts: Mapping[str, bytes]) -> tuple[list[bytes], int] | None:
        """The pieces of a file with this graph and these results, and the checksum.

        None if a record is damaged.
        """
        records = self.records(range(self.count))
        if records is None:
            return None
        lines = [last.line() for last in records]
        state = {
            "source_rows": b"\n".join(self.source_rows),
            "verdicts": self.verdicts,
            "file_states": self.file_states,
            "graph": pack_ints([self.graph.checksum]),
        }
        pieces, checksum = encode(_RESULTS, {**facts, **state, **_line_sections(lines)})
        size, actions, _ = self._sizes
        graph = self._changed_graph or self._file.read(_START, size)
        first = _first(len(graph), actions, sum(map(len, pieces)))
        return [first, graph, self._file.read(_START + size, actions), *pieces, *lines], checksum

    def _lines(self, sections: Sections, base: int, numbers: Sequence[int]) -> list[bytes] | None:
        offsets, sums = sections.ints("line_offsets"), sections.ints("line_sums")
        try:
            if 4 * len(numbers) > len(sums):
                data = self._file.read(base, offsets[-1])
                lines = [data[offsets[number] : offsets[number + 1]] for number in numbers]
            else:
                lines = [
                    self._file.read(base + offsets[number], offsets[number + 1] - offsets[number])
                    for number in numbers
                ]
        except OSError:
            return None
        whole = all(zlib.crc32(line) == sums[number] for number, line in zip(numbers, lines))
        return lines if whole else None


def load(path: str) -> Snapshot | None:
    """The snapshot at a path with its journal, or None if there is none that is whole."""
    try:
        snapshot = _parse(_File(path))
    except OSError:
        return None
    if snapshot is None or snapshot.results is None:
        return snapshot
    with suppress(OSError):
        journal = decode(_JOURNAL, read_regular(path + JOURNAL))
        if journal is not None:
            snapshot.take_results(snapshot.results, Sections(*journal))
    return snapshot


def parse(data: bytes) -> Snapshot | None:
    """The snapshot of some bytes, or None if its graph is damaged or of another version."""
    return _parse(_Bytes(data))


def encode_graph(sections: Mapping[str, bytes], actions: Sequence[bytes]) -> bytes:
    """The bytes of a snapshot without results, from sections and lines of actions."""
    pieces, _ = encode(_GRAPH, {**sections, **_line_sections(actions)})
    first = _first(sum(map(len, pieces)), sum(map(len, actions)), 0)
    return b"".join((first, *pieces, *actions))


def write(path: str, pieces: Iterable[bytes]) -> bool:
    """Write a snapshot that has no journal; False if the disk refuses."""
    with suppress(OSError):
        os.unlink(path + JOURNAL)
    return replace_file(path, pieces)


def _parse(file: _File | _Bytes) -> Snapshot | None:
    head = file.read(0, _START)
    try:
        graph, actions, results = (int(size, 16) for size in head[len(MAGIC) :].split())
    except ValueError:
        return None
    if not head.startswith(MAGIC) or min(graph, actions, results) < 0:
        return None
    sections = decode(_GRAPH, file.read(_START, graph))
    if sections is None:
        return None
    snapshot = Snapshot(file, Sections(*sections), (graph, actions, results))
    last = decode(_RESULTS, file.read(_START + graph + actions, results))
    if last is not None and unpack_ints(last[0]["graph"])[0] == snapshot.graph.checksum:
        snapshot.take_results(Sections(*last), None)
    return snapshot


def _first(graph: int, actions: int, results: int) -> bytes:
    return MAGIC + b"%08x %08x %08x\n" % (graph, actions, results)


def _line_sections(lines: Sequence[bytes]) -> dict[str, bytes]:
    """The offsets and checksums of lines."""
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    return {"line_offsets": pack_ints(offsets), "line_sums": pack_ints(map(zlib.crc32, lines))}
