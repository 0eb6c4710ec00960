"""Batches of a store on disk: copies with private names, hashed while they are written."""

from __future__ import annotations

import os

from ..files.regular_file import open_regular, read_regular
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..types.digest import Digest
from ..types.result import Result
from .cache_dir import translate_os_errors
from .file_ops import copy_hashed, write_all
from .lease import mark_in_use
from .recent_blobs import SMALL_BLOB
from .signed_record import encode_record

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from typing import Protocol

    from .file_ops import FileOps
    from .protocol import Trust

    class BlobStore(Protocol):
        """The part of a store that a batch uses."""

        root: str
        ops: FileOps
        trust: Trust | None

        def is_verified(self, digest: Digest) -> bool: ...
        def has(self, digest: Digest) -> bool: ...
        def blob_path(self, digest: Digest) -> str: ...
        def read(self, digest: Digest) -> bytes: ...
        def new_path(self) -> str: ...


_MAX_FOLDER_SYNCS = 4  # beyond, one `syncfs` is faster
_SMALL_FILE = 1 << 18  # bytes; a smaller file is read whole, and hashed before it is copied


class DiskBatch:
    """Copies in the private folder of this process, until the store renames them.

    `blobs` and `records` map digests to paths of copies; `small` has the bytes of small blobs.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store, self._ops = store, store.ops
        self.blobs: dict[Digest, str] = {}
        self.small: dict[Digest, bytes] = {}
        self.records: dict[Digest, str] = {}
        self.open = True

    def add(self, data: bytes) -> Digest:
        """Add a blob; it is not copied when the store already has it."""
        digest = Digest.of(data)
        if digest not in self.blobs and not self._store.is_verified(digest):
            with self._copy() as (fd, temp):
                write_all(self._ops, fd, data)
                self._ops.seal(fd, 0o444)
            self._keep(digest, temp)
            if digest.size <= SMALL_BLOB:
                self.small[digest] = data
        return digest

    def reuse(self, digest: Digest) -> bool:
        """True when a blob needs no copy; a published one is marked as in use, not verified."""
        if digest in self.blobs:
            return True
        if not self._store.has(digest):
            return False
        mark_in_use(self._store.blob_path(digest))
        return True

    def add_file(self, path: str) -> Digest:
        """Add a regular file, hashing the bytes that are copied; OSError for anything else."""
        source = open_regular(path)
        try:
            if (
                os.fstat(source).st_size < _SMALL_FILE
                and len(data := os.read(source, _SMALL_FILE)) < _SMALL_FILE
            ):
                return self.add(data)
            os.lseek(source, 0, os.SEEK_SET)
            with self._copy() as (fd, temp):
                name, size = copy_hashed(self._ops, source, fd)
                if os.fstat(fd).st_size != size:
                    raise OSError(f"a short copy of {path}")
                self._ops.seal(fd, 0o444)
        finally:
            os.close(source)
        digest = Digest(name, size)
        self._keep(digest, temp)
        return digest

    def add_pieces(self, pieces: Iterable[bytes], digest: Digest) -> None:
        """Add a blob whose bytes come in pieces; `pieces` ends with an error if they are wrong."""
        with self._copy() as (fd, temp):
            for piece in pieces:
                write_all(self._ops, fd, piece)
            self._ops.seal(fd, 0o444)
        self._keep(digest, temp)

    def add_record(self, key: Digest, data: bytes) -> None:
        """Add a record that another store made, byte for byte."""
        with self._copy() as (fd, temp):
            write_all(self._ops, fd, data)
            self._ops.seal(fd, 0o444)
        self.records[key] = temp

    def read(self, digest: Digest) -> bytes:
        """Read a blob of this batch or of the store; Missing when neither has it."""
        if digest not in self.blobs:
            return self._store.read(digest)
        return read_regular(self.blobs[digest])

    def record(self, key: Digest, result: Result, parts: Mapping[str, bytes]) -> None:
        """Add a result under its key."""
        self.add_record(key, encode_record(self._store.trust, key, result, parts))

    def discard(self, renamed: Container[str] = ()) -> None:
        """Remove the copies, except those that the store has renamed."""
        self.open = False
        for temp in (*self.blobs.values(), *self.records.values()):
            if temp not in renamed:
                with suppress(OSError):
                    os.unlink(temp)

    def _copy(self) -> _Copy:
        assert self.open, "this batch was published or dropped"
        return _Copy(self._store)

    def _keep(self, digest: Digest, temp: str) -> None:
        if self.blobs.setdefault(digest, temp) != temp:
            os.unlink(temp)


class _Copy:
    """A new private file: its descriptor and path.

    An exception removes the file; an OSError is raised as a BuildError that names the cache folder.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    def __enter__(self) -> tuple[int, str]:
        with translate_os_errors(self._store.root):
            self._path = self._store.new_path()
            self._fd = self._store.ops.create(self._path)
        return self._fd, self._path

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        os.close(self._fd)
        if error is not None:
            with translate_os_errors(self._store.root):
                with suppress(OSError):
                    os.unlink(self._path)
                raise error


def sync_folders(ops: FileOps, top: str, folders: Iterable[str]) -> None:
    """Make the entries of folders below `top` durable."""
    ordered = sorted(folders)
    if len(ordered) > _MAX_FOLDER_SYNCS:
        ops.sync_filesystem(top)
        return
    for folder in ordered:
        ops.sync_folder(folder)
