"""A cache in one file: blobs, records of results, and graphs. Equal contents give equal bytes.

    buildgraph cache 1\\n
    <bytes of the index> <SHA-256 of the index>\\n
    <index><contents, one after the other>

The index has a line `<kind> <hash> <size>` for each entry: all blobs, then all results, then all
graphs, each kind sorted by hash. The hash of a blob or a graph is the SHA-256 of its content, that
of a result the one of its key. There are no times, names or paths, and nothing is compressed:
services that keep such files compress them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO

from ..files.regular_file import move_aside
from ..types.errors import BuildError

MAGIC = b"buildgraph cache 1\n"
KINDS = ("blob", "result", "graph")
_HEX = frozenset("0123456789abcdef")
_CHUNK = 1 << 20  # bytes
_MAX_INDEX = 1 << 28  # bytes: two million entries


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the index: kind, 64 hex digits, and bytes of the content."""

    kind: str
    hash: str
    size: int

    def line(self) -> str:
        """The line of the index."""
        return f"{self.kind} {self.hash} {self.size}\n"

    def order(self) -> tuple[int, str]:
        """The sort key of entries."""
        return KINDS.index(self.kind), self.hash


def write_archive(
    path: str, entries: Iterable[Entry], content: Callable[[Entry], Iterable[bytes]]
) -> int:
    """Write a file atomically, and return its bytes.

    `content` yields the bytes of an entry. An exception leaves an older file as it was; an OSError
    becomes a BuildError.
    """
    ordered = sorted(entries, key=Entry.order)
    index = "".join(entry.line() for entry in ordered).encode()
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "xb") as file:
            file.write(_header(index) + index)
            for entry in ordered:
                file.writelines(content(entry))
            size = file.tell()
        move_aside(path)
        os.replace(temporary, path)
    except OSError as error:
        _unlink(temporary)
        raise BuildError(
            f"cannot write {path}: {error.strerror or error}",
            fix="name a file in a folder that exists, on a disk with room",
            reason="environment",
        ) from None
    except BaseException:
        _unlink(temporary)
        raise
    return size


class Archive:
    """An open archive whose index is valid. Its contents are read in their order, each once."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path
        self.entries = _read_index(file, path)

    def read(self, entry: Entry) -> bytes:
        """The content of the next entry; BuildError if it is not what the index says.

        The content of a result has another hash, and is not checked here.
        """
        data = self._file.read(entry.size)
        if entry.kind != "result":
            self.check(entry, hashlib.sha256(data).hexdigest(), len(data))
        return data

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """The content of the next entry in pieces; BuildError as for `read`, after the last one."""
        sha, rest = hashlib.sha256(), entry.size
        while rest and (piece := self._file.read(min(rest, _CHUNK))):
            sha.update(piece)
            rest -= len(piece)
            yield piece
        self.check(entry, sha.hexdigest(), entry.size - rest)

    def check(self, entry: Entry, name: str, size: int) -> None:
        """BuildError unless a hash and a size are those of an entry."""
        if (name, size) != (entry.hash, entry.size):
            raise not_an_archive(self._path, f"{entry.kind} {entry.hash[:12]} is damaged")


def not_an_archive(path: str, problem: str) -> BuildError:
    """The error for a file that cannot be imported."""
    return BuildError(
        f"{path} cannot be imported: {problem}",
        fix="nothing was imported: export the file again, or go on without it",
        reason="cache-file",
    )


def _header(index: bytes) -> bytes:
    return MAGIC + f"{len(index)} {hashlib.sha256(index).hexdigest()}\n".encode()


def _read_index(file: IO[bytes], path: str) -> Sequence[Entry]:
    """Read and check the index. Sizes are compared with that of the file before anything else."""
    total = os.fstat(file.fileno()).st_size
    first = file.readline(len(MAGIC))
    if first != MAGIC:
        kind = "it has another version" if first.startswith(b"buildgraph cache ") else "no export"
        raise not_an_archive(path, kind if first else "it is empty")
    size, _, _ = file.readline(128).partition(b" ")
    if not size.isdigit() or len(size) > 12 or int(size) > min(total, _MAX_INDEX):
        raise not_an_archive(path, "its first lines are damaged")
    file.seek(len(MAGIC))
    line = file.readline(128)
    index = file.read(int(size))
    if MAGIC + line != _header(index):
        raise not_an_archive(path, "its index is damaged")
    entries = [_parse(line, path) for line in index.decode("ascii", "replace").splitlines(True)]
    orders = [entry.order() for entry in entries]
    if any(first >= second for first, second in pairwise(orders)):
        raise not_an_archive(path, "its index is not sorted")
    if file.tell() + sum(entry.size for entry in entries) != total:
        raise not_an_archive(path, "it is truncated, or something follows it")
    return entries


def _parse(line: str, path: str) -> Entry:
    kind, _, rest = line.removesuffix("\n").partition(" ")
    name, _, size = rest.partition(" ")
    if kind in KINDS and len(name) == 64 and _HEX.issuperset(name) and size.isdigit():
        entry = Entry(kind, name, int(size[:20]))
        if entry.line() == line:
            return entry
    raise not_an_archive(path, "its index has an invalid line")


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
