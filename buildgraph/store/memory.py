"""A store in memory: what a test, or a build that is not to be remembered, needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from ..files.regular_file import read_regular
from ..types.digest import Digest
from ..types.result import Result
from . import result_record
from .closure import blobs_of
from .file_ops import FileOps, NewFile, write_all
from .protocol import Batch, Missing


class MemoryBatch:
    """Blobs and results waiting to be published to a MemoryStore."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}
        self.results: dict[Digest, bytes] = {}
        self.open = True

    def add(self, data: bytes) -> Digest:
        """Copy bytes in."""
        assert self.open, "this batch was published or dropped"
        digest = Digest.of(data)
        self.blobs[digest] = bytes(data)
        return digest

    def add_file(self, path: str) -> Digest:
        """Copy a regular file in; OSError when it is none, or a symlink."""
        return self.add(read_regular(path))

    def record(self, key: Digest, result: Result, parts: Mapping[str, bytes]) -> None:
        """Remember a result under its key."""
        assert self.open, "this batch was published or dropped"
        self.results[key] = result_record.encode(key, result, parts)


class MemoryStore:
    """Blobs and results in two dictionaries; forgets everything with the process."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}
        self.results: dict[Digest, bytes] = {}
        self._lock = threading.Lock()

    def batch(self) -> MemoryBatch:
        """Start a batch."""
        return MemoryBatch()

    def publish(self, batches: Iterable[Batch] = ()) -> None:
        """Make batches visible, all at once."""
        for batch in batches:
            self.keep(batch)

    def keep(self, batch: Batch) -> None:
        """Make a batch visible: what is in memory is never durable."""
        assert isinstance(batch, MemoryBatch) and batch.open, "not an open batch of this store"
        with self._lock:
            batch.open = False
            self.blobs |= batch.blobs
            self.results |= batch.results

    def drop(self, batch: Batch) -> None:
        """Forget a batch."""
        assert isinstance(batch, MemoryBatch), "not a batch of this store"
        batch.open = False

    def has(self, digest: Digest) -> bool:
        """Whether a blob is there."""
        return digest in self.blobs

    def read(self, digest: Digest) -> bytes:
        """The verified bytes of a blob; Missing."""
        data = self.blobs.get(digest)
        if data is None:
            raise Missing(digest)
        if Digest.of(data) != digest:
            del self.blobs[digest]
            raise Missing(digest)
        return data

    def place(
        self,
        digest: Digest,
        path: str,
        executable: bool,
        create: Callable[[str], int] | None = None,
    ) -> None:
        """Write a blob to a new file, mode 0444 or 0555; Missing leaves no file."""
        data, ops = self.read(digest), FileOps()
        with NewFile(ops, path, digest.size, executable, create) as fd:
            write_all(ops, fd, data)

    def remembers(self, key: Digest) -> bool:
        """Whether there is a record of a key."""
        return key in self.results

    def recall(self, key: Digest) -> Result | None:
        """The result of a key, when every blob it names is there."""
        found = self._record(key)
        if found is None:
            return None
        try:
            return (
                found[0]
                if all(self.has(digest) for digest in blobs_of(found[0], self.read))
                else None
            )
        except (Missing, ValueError):
            return None

    def parts(self, key: Digest) -> Mapping[str, bytes] | None:
        """The messages recorded with a key."""
        found = self._record(key)
        return None if found is None else found[1]

    def _record(self, key: Digest) -> tuple[Result, dict[str, bytes]] | None:
        data = self.results.get(key)
        return None if data is None else result_record.decode(key, data)
