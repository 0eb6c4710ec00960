"""What is to be published to a store on disk: copies with private names, hashed while they were made."""

from __future__ import annotations

import os

from ..files.regular_file import open_regular, read_regular
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..types.digest import Digest
from ..types.result import Result
from . import result_record
from .cache_dir import translate_os_errors
from .file_ops import copy_hashed, write_all
from .recent_blobs import SMALL_BLOB

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from typing import Protocol

    from .file_ops import FileOps

    class BlobStore(Protocol):
        """What a batch needs of the store that it publishes to."""

        root: str
        ops: FileOps

        def known(self, digest: Digest) -> bool: ...
        def read(self, digest: Digest) -> bytes: ...
        def fresh_path(self) -> str: ...


_SMALL = 1 << 18


class DiskBatch:
    """Copies in the private folder of this process, waiting for their names."""

    def __init__(self, store: BlobStore) -> None:
        self._store, self._ops = store, store.ops
        self.blobs: dict[Digest, str] = {}
        self.small: dict[Digest, bytes] = {}  # bytes of blobs, as they were hashed
        self.records: dict[Digest, str] = {}
        self.open = True

    def add(self, data: bytes) -> Digest:
        """Copy bytes in."""
        digest = Digest.of(data)
        if digest not in self.blobs and not self._store.known(digest):
            with self._copy() as (fd, temp):
                write_all(self._ops, fd, data)
                self._ops.seal(fd, 0o444)
            self._keep(digest, temp)
            if digest.size <= SMALL_BLOB:
                self.small[digest] = data
        return digest

    def add_file(self, path: str) -> Digest:
        """Copy a regular file in, hashing what is copied; OSError when it is none, or a symlink."""
        source = open_regular(path)
        try:
            if os.fstat(source).st_size < _SMALL and len(data := os.read(source, _SMALL)) < _SMALL:
                return self.add(data)  # hashed first: what is known already is not copied
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

    def read(self, digest: Digest) -> bytes:
        """The bytes of a blob of this batch; Missing when it has none of that name."""
        if digest not in self.blobs:
            return self._store.read(digest)
        return read_regular(self.blobs[digest])

    def record(self, key: Digest, result: Result, parts: Mapping[str, bytes]) -> None:
        """Remember a result under its key."""
        with self._copy() as (fd, temp):
            write_all(self._ops, fd, result_record.encode(key, result, parts))
            self._ops.seal(fd, 0o444)
        self.records[key] = temp

    def forget(self, named: Container[str] = ()) -> None:
        """Remove the copies that got no name."""
        self.open = False
        for temp in (*self.blobs.values(), *self.records.values()):
            if temp not in named:
                with suppress(OSError):
                    os.unlink(temp)

    def _copy(self) -> _Copy:
        assert self.open, "this batch was published or dropped"
        return _Copy(self._store)

    def _keep(self, digest: Digest, temp: str) -> None:
        if self.blobs.setdefault(digest, temp) != temp:
            os.unlink(temp)


class _Copy:
    """A file that is written: its descriptor and path. A fault removes it, and is told as one of the cache's disk."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    def __enter__(self) -> tuple[int, str]:
        with translate_os_errors(self._store.root):
            self._path = self._store.fresh_path()
            self._fd = self._store.ops.create(self._path)
        return self._fd, self._path

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        os.close(self._fd)
        if fault is not None:
            with translate_os_errors(self._store.root):
                with suppress(OSError):
                    os.unlink(self._path)
                raise fault
