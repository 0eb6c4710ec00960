"""Store in memory, for tests and for builds whose results are not saved."""

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

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.blobs: dict[Digest, bytes] = {}
        self.results: dict[Digest, bytes] = {}
        self.open = True

    def add(self, data: bytes) -> Digest:
        """Add a blob."""
        assert self.open, "this batch was published or dropped"
        digest = Digest.of(data)
        self.blobs[digest] = bytes(data)
        return digest

    def add_file(self, path: str) -> Digest:
        """Add a regular file; OSError for anything else."""
        return self.add(read_regular(path))

    def reuse(self, digest: Digest) -> bool:
        """True when this batch or the store has a blob."""
        return digest in self.blobs or self._store.has(digest)

    def record(self, key: Digest, result: Result, parts: Mapping[str, bytes]) -> None:
        """Add a result under its key."""
        assert self.open, "this batch was published or dropped"
        self.results[key] = result_record.encode(key, result, parts)


class MemoryStore:
    """Blobs and results in two dictionaries."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}
        self.results: dict[Digest, bytes] = {}
        self._lock = threading.Lock()

    def batch(self) -> MemoryBatch:
        """Start a batch."""
        return MemoryBatch(self)

    def publish(self, batches: Iterable[Batch] = ()) -> None:
        """Make batches visible."""
        for batch in batches:
            self.keep(batch)

    def keep(self, batch: Batch) -> None:
        """Make a batch visible; a store in memory is never durable."""
        assert isinstance(batch, MemoryBatch) and batch.open, "not an open batch of this store"
        with self._lock:
            batch.open = False
            self.blobs |= batch.blobs
            self.results |= batch.results

    def drop(self, batch: Batch) -> None:
        """Discard a batch."""
        assert isinstance(batch, MemoryBatch), "not a batch of this store"
        batch.open = False

    def has(self, digest: Digest) -> bool:
        """True when the store has a blob."""
        return digest in self.blobs

    def read(self, digest: Digest) -> bytes:
        """Read the verified bytes of a blob; Missing when absent or damaged."""
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
        """True when a key has a record."""
        return key in self.results

    def recall(self, key: Digest) -> Result | None:
        """Return the result of a key; None unless every blob that it names exists."""
        record = self._record(key)
        if record is None:
            return None
        result, _ = record
        try:
            complete = all(self.has(digest) for digest in blobs_of(result, self.read))
        except (Missing, ValueError):
            return None
        return result if complete else None

    def parts(self, key: Digest) -> Mapping[str, bytes] | None:
        """Return the messages that are recorded with a key."""
        record = self._record(key)
        return None if record is None else record[1]

    def _record(self, key: Digest) -> tuple[Result, dict[str, bytes]] | None:
        data = self.results.get(key)
        return None if data is None else result_record.decode(key, data)
