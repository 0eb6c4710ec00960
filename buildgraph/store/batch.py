"""What is to be published to a store on disk: copies with private names, hashed while they were made."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from ..digest import Digest
from ..model import Result
from . import records
from .fsops import FileOps, copy_hashed, open_regular, write_all
from .place import explained


class DiskBatch:
    """Copies in the private folder of this process, waiting for their names."""

    def __init__(self, root: str, ops: FileOps, fresh_path: Callable[[], str]) -> None:
        self._root, self._ops, self._fresh_path = root, ops, fresh_path
        self.blobs: dict[Digest, str] = {}
        self.records: dict[Digest, str] = {}
        self.open = True

    def add(self, data: bytes) -> Digest:
        """Copy bytes in."""
        digest = Digest.of(data)
        if digest not in self.blobs:
            with self._copy() as (fd, temp):
                write_all(self._ops, fd, data)
                self._ops.seal(fd, 0o444)
            self._keep(digest, temp)
        return digest

    def add_file(self, path: str) -> Digest:
        """Copy a regular file in, hashing what is copied; OSError when it is none, or a symlink."""
        source = open_regular(path)
        try:
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
        """The bytes of a copy that is not published yet; KeyError when there is none."""
        with open(self.blobs[digest], "rb") as file:
            return file.read()

    def record(self, key: Digest, result: Result, parts: Mapping[str, bytes]) -> None:
        """Remember a result under its key."""
        with self._copy() as (fd, temp):
            write_all(self._ops, fd, records.encode(key, result, parts))
            self._ops.seal(fd, 0o444)
        self.records[key] = temp

    def forget(self) -> None:
        """Remove the copies that got no name."""
        self.open = False
        for temp in (*self.blobs.values(), *self.records.values()):
            with suppress(OSError):
                os.unlink(temp)

    @contextmanager
    def _copy(self) -> Iterator[tuple[int, str]]:
        assert self.open, "this batch was published or dropped"
        with explained(self._root):
            temp = self._fresh_path()
            fd = self._ops.create(temp)
            try:
                yield fd, temp
            except BaseException:
                with suppress(OSError):
                    os.unlink(temp)
                raise
            finally:
                os.close(fd)

    def _keep(self, digest: Digest, temp: str) -> None:
        if self.blobs.setdefault(digest, temp) != temp:
            os.unlink(temp)
