"""Store on disk: `blobs/sha256/<hex>`, `results/<2 hex>/<hex>`, `tmp`, `quarantine`, `generation`.

To publish, copies are written to `tmp` while being hashed, one `syncfs` makes all of them durable,
blobs are renamed into place and their folder is synced, and only then the records follow. A process
killed at any moment leaves each result either complete or absent. Every read is verified by hash.
`generation` grows by a byte before and after each removal of files.
"""

from __future__ import annotations

import itertools
import os

from ..files.regular_file import open_regular, read_regular
from ..files.remove_tree import remove
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.sha256 import hash_open_file, sha256
from ..lite.threads import allocate_lock
from ..types.digest import Digest
from ..types.result import Result
from . import result_record
from .batch import DiskBatch, sync_folders
from .cache_dir import PrivateFolder, open_root, translate_os_errors
from .closure import blobs_of
from .file_ops import Descriptor, FileOps, NewFile, copy_hashed, read_open, write_all
from .lease import Lease, mark_in_use
from .protocol import Batch, Missing
from .quarantine import Quarantine
from .recent_blobs import SMALL_BLOB, RecentBlobs
from .signed_record import is_trusted, without_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .protocol import Trust

_HEX = frozenset("0123456789abcdef")


class DiskStore:
    """Blobs and results below one folder, which any number of processes of one user can share.

    `warn` is called once for each damaged file. `trust` decides which results count. BuildError
    (reason "environment") when the folder cannot be used: others can write it, it is full, ...
    """

    def __init__(
        self, root: str, warn: Callable[[str], None] = lambda _: None, ops: FileOps | None = None
    ) -> None:
        self.root, self.ops = root, ops or FileOps()
        self.trust: Trust | None = None
        self._blobs = os.path.join(root, "blobs", "sha256")
        self._results = os.path.join(root, "results")
        self._quarantine = Quarantine(root, warn)
        self.generation = self._quarantine.generation
        self._verified: set[str] = set()
        self._pending: list[DiskBatch] = []  # kept, and not published yet
        self._pending_blobs: dict[Digest, str] = {}
        self._pending_records: dict[Digest, str] = {}
        self._renamed: set[str] = set()
        self._recent = RecentBlobs()
        self._marked: set[str] = set()  # blobs that this process has marked as in use
        self._private: PrivateFolder | None = None
        self._lease: Lease | None = None
        self._lock, self._count = allocate_lock(), itertools.count()
        open_root(root)
        with translate_os_errors(root):
            for name in ("quarantine", "blobs", "blobs/sha256", "results"):
                self._make_folder(os.path.join(root, name))
            self._quarantine.create_generation()

    def batch(self) -> DiskBatch:
        """Start a batch."""
        return DiskBatch(self)

    def publish(self, batches: Iterable[Batch] = ()) -> None:
        """Make batches durable and visible; on a BuildError none of their results is visible."""
        for batch in batches:
            self.keep(batch)
        pending, self._pending = self._pending, []
        try:
            with translate_os_errors(self.root):
                self._publish_files(
                    {d: temp for batch in pending for d, temp in batch.blobs.items()},
                    {d: temp for batch in pending for d, temp in batch.records.items()},
                )
        finally:
            for batch in pending:
                batch.discard(self._renamed)
            self._pending_blobs, self._pending_records = {}, {}
            self._renamed.clear()

    def keep(self, batch: Batch) -> None:
        """Let this process read a batch; the next `publish` makes it durable and visible."""
        assert isinstance(batch, DiskBatch) and batch.open, "not an open batch of this store"
        batch.open = False
        self._pending.append(batch)
        self._pending_blobs |= batch.blobs
        self._recent.add(batch.small)
        self._pending_records |= batch.records

    def drop(self, batch: Batch) -> None:
        """Discard a batch and its copies."""
        assert isinstance(batch, DiskBatch), "not a batch of this store"
        batch.discard()

    def has(self, digest: Digest) -> bool:
        """True when a blob of that name and size exists."""
        return digest in self._pending_blobs or self._has_file(digest)

    def is_verified(self, digest: Digest) -> bool:
        """True when a blob needs no copy: it is pending, or this process has verified it."""
        if digest in self._pending_blobs:
            return True
        if digest.hash not in self._verified or not self._has_file(digest):
            return False
        if digest.hash not in self._marked:
            self._marked.add(digest.hash)
            mark_in_use(self.blob_path(digest))
        return True

    def _has_file(self, digest: Digest) -> bool:
        try:
            return os.stat(self.blob_path(digest)).st_size == digest.size
        except (OSError, Missing):
            return False

    def read(self, digest: Digest) -> bytes:
        """Read the verified bytes of a blob; Missing when absent or damaged."""
        with self._open_blob(digest) as fd:
            data = read_open(fd, digest.size)
            self._check_content(digest, sha256(data).hexdigest(), len(data), fd)
        return data

    def place(
        self,
        digest: Digest,
        path: str,
        executable: bool,
        create: Callable[[str], int] | None = None,
    ) -> None:
        """Copy a blob to a new file, verified while copying; Missing leaves no file."""
        new_file = NewFile(self.ops, path, digest.size, executable, create)
        data = self._recent.get(digest)
        if data is None and digest.size <= SMALL_BLOB:
            data = self.read(digest)
        if data is not None:
            with new_file as target:
                write_all(self.ops, target, data)
            return
        with self._open_blob(digest) as source, new_file as target:
            self._check_content(digest, *copy_hashed(self.ops, source, target), source)

    def remembers(self, key: Digest) -> bool:
        """True when a key has a record, which is marked as in use; its content is not verified."""
        if self._lease is None:
            self._take_lease()
        return key in self._pending_records or mark_in_use(self.record_path(key))

    def recall(self, key: Digest) -> Result | None:
        """Return the result of a key; None unless its record and every blob that it names exist."""
        self._take_lease()
        if key not in self._pending_records and not os.access(self.record_path(key), os.F_OK):
            return None  # the most frequent answer in a cold build
        record = self._find_record(key)
        if record is None:
            return None
        result, parts = record
        if key not in self._pending_records and not is_trusted(self.trust, key, result, parts):
            return None
        try:
            if not all(self.has(digest) for digest in blobs_of(result, self.read)):
                return None
        except (Missing, ValueError):
            return None
        mark_in_use(self.record_path(key))
        return result

    def parts(self, key: Digest) -> Mapping[str, bytes] | None:
        """Return the messages recorded with a key; None without a record."""
        record = self._find_record(key)
        return None if record is None else without_signature(record[1])

    def verify(self, digest: Digest) -> bool:
        """Hash a blob, and quarantine a damaged one; False when it is absent or damaged."""
        try:
            with self._open_blob(digest, published=True) as fd:
                self._check_content(digest, *hash_open_file(fd), fd)
        except Missing:
            return False
        return True

    def remove(self, *paths: str) -> None:
        """Delete blobs or records; the generation changes before and after."""
        if not paths:
            return
        self._quarantine.bump_generation()
        for path in paths:
            try:
                self.ops.unlink(path)
            except (IsADirectoryError, PermissionError):
                remove(path)
            except FileNotFoundError:
                pass
            self._verified.discard(os.path.basename(path))
        self._recent.clear()
        self._quarantine.bump_generation()

    def close(self) -> None:
        """Release the lease and remove the private folder of this process."""
        with self._lock:
            if self._lease is not None:
                self._lease.close()
                self._lease = None
            if self._private is not None:
                self._private.close()
                self._private = None

    def new_path(self) -> str:
        """Return an unused path in the private folder of this process, on the store's disk."""
        self._take_lease()
        with self._lock:
            if self._private is None:
                with translate_os_errors(self.root):
                    self._make_folder(os.path.join(self.root, "tmp"))
                    self._private = PrivateFolder(os.path.join(self.root, "tmp"))
            return f"{self._private.path}/{next(self._count)}"

    def blob_path(self, digest: Digest) -> str:
        """Return the path of a blob, which need not exist; Missing when the digest is malformed."""
        if len(digest.hash) != 64 or not _HEX.issuperset(digest.hash):
            raise Missing(digest)
        return f"{self._blobs}/{digest.hash}"

    def record_path(self, key: Digest) -> str:
        """Return the path of the record of a key, which need not exist."""
        return f"{self._results}/{key.hash[:2]}/{key.hash}"

    def read_record_file(self, path: str) -> tuple[Digest, Result, dict[str, bytes]] | None:
        """Read (key, result, parts) of a record file; None when it is absent or damaged.

        A damaged record is moved to quarantine.
        """
        try:
            data = read_regular(path)
        except OSError:
            return None
        record = result_record.decode_any(data)
        if record is None and not result_record.is_other_version(data):
            self.quarantine(path, f"the record of result {os.path.basename(path)[:12]} was damaged")
        return record

    def _publish_files(self, blobs: Mapping[Digest, str], records: Mapping[Digest, str]) -> None:
        if not blobs and not records:
            return
        self.ops.sync_filesystem(self._blobs)
        for digest, temp in sorted(blobs.items()):
            self._publish_blob(digest, temp)
        self.ops.sync_folder(self._blobs)
        folders: set[str] = set()
        for key, temp in sorted(records.items()):
            folder, target = os.path.dirname(self.record_path(key)), self.record_path(key)
            if self._make_folder(folder):
                folders.add(self._results)
            self._rename(temp, target)
            folders.add(folder)
        sync_folders(self.ops, self._results, folders)

    def _publish_blob(self, digest: Digest, temp: str) -> None:
        if self._has_file(digest) and (digest.hash in self._verified or self.verify(digest)):
            mark_in_use(self.blob_path(digest))
        else:
            self._rename(temp, self.blob_path(digest))
        self._verified.add(digest.hash)

    def _rename(self, temp: str, target: str) -> None:
        self._renamed.add(temp)
        try:
            self.ops.rename(temp, target)
        except IsADirectoryError:
            self.quarantine(target, f"{os.path.basename(target)[:12]} was a folder")
            self.ops.rename(temp, target)

    def _take_lease(self) -> None:
        """Take the lease. Without one, GC may delete a blob in use, which then is rebuilt."""
        with self._lock, suppress(OSError):
            if self._lease is None:
                self._lease = Lease(self.root)

    def _make_folder(self, path: str) -> bool:
        return self._quarantine.make_folder(path, self.ops.make_folder)

    def _open_blob(self, digest: Digest, published: bool = False) -> Descriptor:
        path = self.blob_path(digest)
        try:
            pending = 0 if published else self._open_pending(digest)
            return Descriptor(pending or open_regular(path))
        except FileNotFoundError:
            raise Missing(digest) from None
        except OSError:
            self.quarantine(path, f"blob {digest.hash[:12]} cannot be read")
            raise Missing(digest) from None

    def _open_pending(self, digest: Digest) -> int:
        """Open the copy of an unpublished blob; 0 without one, or if it was just published."""
        try:
            return open_regular(self._pending_blobs[digest]) if digest in self._pending_blobs else 0
        except (KeyError, FileNotFoundError):
            return 0

    def _check_content(self, digest: Digest, name: str, size: int, fd: int) -> None:
        if (name, size) == (digest.hash, digest.size):
            self._verified.add(name)
            return
        path = self.blob_path(digest)
        with suppress(OSError):
            if name != digest.hash and os.path.samestat(os.fstat(fd), os.lstat(path)):
                self.quarantine(path, f"blob {digest.hash[:12]} was damaged")
        raise Missing(digest)

    def _find_record(self, key: Digest) -> tuple[Result, dict[str, bytes]] | None:
        record = self.read_record_file(self._pending_records.get(key) or self.record_path(key))
        return record[1:] if record is not None and record[0] == key else None

    def quarantine(self, path: str, problem: str) -> None:
        """Move a damaged file to quarantine, and warn once; `problem` begins the warning."""
        self._quarantine.add(path, problem)
        self._verified.discard(os.path.basename(path))
        self._recent.clear()
