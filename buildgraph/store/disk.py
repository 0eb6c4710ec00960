"""The store on disk: `blobs/sha256/<hex>`, `results/<2 hex>/<hex>`, `tmp/`, `quarantine/`, `generation`.

Publishing follows one recipe: copies are written to `tmp` while being hashed, one `syncfs` makes all of them durable,
blobs are renamed into place and their folder synced, and only then the records. Killed anywhere, the next build finds
either a whole result or none. Nothing is read without being hashed again.
"""

from __future__ import annotations

import itertools
import os

from ..files.regular_file import make_folder, open_own, open_regular, read_regular
from ..files.remove_tree import remove
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.sha256 import hash_open_file, sha256
from ..lite.threads import allocate_lock
from ..types.digest import Digest
from ..types.result import Result
from . import result_record
from .batch import DiskBatch
from .cache_dir import Scratch, open_root, translate_os_errors
from .closure import blobs_of
from .file_ops import Descriptor, FileOps, NewFile, copy_hashed, read_open, write_all
from .lease import Lease, in_use
from .protocol import Batch, Missing
from .recent_blobs import SMALL_BLOB, RecentBlobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_HEX = frozenset("0123456789abcdef")
_FEW = 4  # folders, up to which each is synced for itself


class DiskStore:
    """Blobs and results below one folder, shared safely by any number of processes of one user.

    `warn` is told once of each damaged blob. BuildError (reason "environment") when the folder cannot be used: not
    ours, writable by others, read-only or full.
    """

    def __init__(
        self, root: str, warn: Callable[[str], None] = lambda _: None, ops: FileOps | None = None
    ) -> None:
        self.root, self.ops = root, ops or FileOps()
        self._warn, self._warned = warn, set[str]()
        self._blobs, self._results = (
            os.path.join(root, "blobs", "sha256"),
            os.path.join(root, "results"),
        )
        self._quarantine, self.generation = (
            os.path.join(root, "quarantine"),
            os.path.join(root, "generation"),
        )
        self._verified: set[str] = set()
        self._kept: list[DiskBatch] = []
        self._held: dict[Digest, str] = {}  # copies that are kept and not published: blobs
        self._noted: dict[Digest, str] = {}  # and records
        self._renamed: set[str] = set()
        self._recent = RecentBlobs()
        self._noticed: set[str] = set()  # blobs whose use this process has noted
        self._scratch: Scratch | None = None
        self._lease: Lease | None = None
        self._lock, self._count = allocate_lock(), itertools.count()
        open_root(root)
        with translate_os_errors(root):
            for folder in (
                self._quarantine,
                os.path.join(root, "blobs"),
                self._blobs,
                self._results,
            ):
                make_folder(
                    folder,
                    "" if folder == self._quarantine else self._quarantine,
                    self.ops.make_folder,
                )
            os.close(open_own(self.generation, os.O_WRONLY, self._quarantine))

    def batch(self) -> DiskBatch:
        """Start a batch."""
        return DiskBatch(self)

    def publish(self, batches: Iterable[Batch] = ()) -> None:
        """Make batches durable and visible; BuildError when the disk refuses, and then no result of them is seen."""
        for batch in batches:
            self.keep(batch)
        mine, self._kept = self._kept, []
        try:
            with translate_os_errors(self.root):
                self._publish(
                    {d: temp for batch in mine for d, temp in batch.blobs.items()},
                    {d: temp for batch in mine for d, temp in batch.records.items()},
                )
        finally:
            for batch in mine:
                batch.forget(self._renamed)
            self._held, self._noted = {}, {}
            self._renamed.clear()

    def keep(self, batch: Batch) -> None:
        """Let this process read a batch, which becomes durable and visible with the next `publish`."""
        assert isinstance(batch, DiskBatch) and batch.open, "not an open batch of this store"
        batch.open = False
        self._kept.append(batch)
        self._held |= batch.blobs
        self._recent.add(batch.small)
        self._noted |= batch.records

    def drop(self, batch: Batch) -> None:
        """Forget a batch and its copies."""
        assert isinstance(batch, DiskBatch), "not a batch of this store"
        batch.forget()

    def has(self, digest: Digest) -> bool:
        """Whether a blob of that name and size is there."""
        return digest in self._held or self._stands(digest)

    def known(self, digest: Digest) -> bool:
        """Whether bytes need no copy: this process verified them, and they are here, or will be published before."""
        if digest in self._held:
            return True
        if digest.hash not in self._verified or not self._stands(digest):
            return False
        if digest.hash not in self._noticed:
            self._noticed.add(digest.hash)
            in_use(self.blob_path(digest))
        return True

    def _stands(self, digest: Digest) -> bool:
        try:
            return os.stat(self.blob_path(digest)).st_size == digest.size
        except (OSError, Missing):
            return False

    def read(self, digest: Digest) -> bytes:
        """The verified bytes of a blob; Missing."""
        with self._opened(digest) as fd:
            data = read_open(fd, digest.size)
            self._check(digest, sha256(data).hexdigest(), len(data), fd)
        return data

    def place(
        self,
        digest: Digest,
        path: str,
        executable: bool,
        create: Callable[[str], int] | None = None,
    ) -> None:
        """Copy a blob to a new file, verified while copying; Missing leaves no file."""
        placed = NewFile(self.ops, path, digest.size, executable, create)
        data = self._recent.get(digest)
        if data is None and digest.size <= SMALL_BLOB:
            data = self.read(digest)
        if data is not None:
            with placed as target:
                write_all(self.ops, target, data)
            return
        with self._opened(digest) as source, placed as target:
            self._check(digest, *copy_hashed(self.ops, source, target), source)

    def remembers(self, key: Digest) -> bool:
        """Whether a record stands for a key (a cheap look, no proof), which is noted as in use."""
        if self._lease is None:
            self._rely()
        return key in self._noted or in_use(self.record_path(key))

    def recall(self, key: Digest) -> Result | None:
        """The result of a key, when its record is whole and every blob it names is there."""
        self._rely()
        if key not in self._noted and not os.access(self.record_path(key), os.F_OK):
            return None  # of all answers the one that a build that does much gets most
        found = self._record(key)
        if found is None:
            return None
        try:
            if not all(self.has(digest) for digest in blobs_of(found[0], self.read)):
                return None
        except (Missing, ValueError):
            return None
        in_use(self.record_path(key))
        return found[0]

    def parts(self, key: Digest) -> Mapping[str, bytes] | None:
        """The messages recorded with a key."""
        found = self._record(key)
        return None if found is None else found[1]

    def verify(self, digest: Digest) -> bool:
        """Hash a blob; a damaged one goes to quarantine. False when it is not (or no longer) there."""
        try:
            with self._opened(digest, published=True) as fd:
                self._check(digest, *hash_open_file(fd), fd)
        except Missing:
            return False
        return True

    def remove(self, *paths: str) -> None:
        """Take blobs or records out of the store for good; the generation changes before and after."""
        if not paths:
            return
        self._bump()
        for path in paths:
            try:
                self.ops.unlink(path)
            except (IsADirectoryError, PermissionError):
                remove(path)
            except FileNotFoundError:
                pass
            self._verified.discard(os.path.basename(path))
        self._recent.clear()
        self._bump()

    def close(self) -> None:
        """Remove the private folder of this process; it relies on nothing here any more."""
        with self._lock:
            if self._lease is not None:
                self._lease.close()
                self._lease = None
            if self._scratch is not None:
                self._scratch.close()
                self._scratch = None

    def fresh_path(self) -> str:
        """A path that nothing has, in a private folder on the store's disk that goes away with this process."""
        self._rely()
        with self._lock:
            if self._scratch is None:
                with translate_os_errors(self.root):
                    self._make_folder(os.path.join(self.root, "tmp"))
                    self._scratch = Scratch(os.path.join(self.root, "tmp"))
            return f"{self._scratch.path}/{next(self._count)}"

    def blob_path(self, digest: Digest) -> str:
        """Where a blob stands, whether or not it is there; Missing when the digest is no name of a blob."""
        if len(digest.hash) != 64 or not _HEX.issuperset(digest.hash):
            raise Missing(digest)
        return f"{self._blobs}/{digest.hash}"

    def record_path(self, key: Digest) -> str:
        """Where the record of a key stands, whether or not it is there."""
        return f"{self._results}/{key.hash[:2]}/{key.hash}"

    def record_at(self, path: str) -> tuple[Digest, Result, dict[str, bytes]] | None:
        """(key, result, parts) of a record file; None when there is none, or it was damaged and is set aside."""
        try:
            data = read_regular(path)
        except OSError:
            return None
        found = result_record.read(data)
        if found is None and not result_record.is_other_version(data):
            self.quarantine(path, f"the record of result {os.path.basename(path)[:12]} was damaged")
        return found

    def _publish(self, blobs: Mapping[Digest, str], found: Mapping[Digest, str]) -> None:
        if not blobs and not found:
            return
        self.ops.sync_filesystem(self._blobs)
        for digest, temp in sorted(blobs.items()):
            self._settle(digest, temp)
        self.ops.sync_folder(self._blobs)
        folders: set[str] = set()
        for key, temp in sorted(found.items()):
            folder, target = os.path.dirname(self.record_path(key)), self.record_path(key)
            if self._make_folder(folder):
                folders.add(self._results)
            self._rename(temp, target)
            folders.add(folder)
        if len(folders) > _FEW:
            self.ops.sync_filesystem(self._results)
            return
        for folder in sorted(folders):
            self.ops.sync_folder(folder)

    def _settle(self, digest: Digest, temp: str) -> None:
        if self._stands(digest) and (digest.hash in self._verified or self.verify(digest)):
            in_use(self.blob_path(digest))
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

    def _rely(self) -> None:
        """From now on nothing that is used may go; a disk that takes no lease costs a build only a second run."""
        with self._lock, suppress(OSError):
            if self._lease is None:
                self._lease = Lease(self.root)

    def _make_folder(self, path: str) -> bool:
        return make_folder(path, self._quarantine, self.ops.make_folder)

    def _opened(self, digest: Digest, published: bool = False) -> Descriptor:
        path = self.blob_path(digest)
        try:
            return Descriptor((not published and self._open_held(digest)) or open_regular(path))
        except FileNotFoundError:
            raise Missing(digest) from None
        except OSError:
            self.quarantine(path, f"blob {digest.hash[:12]} cannot be read")
            raise Missing(digest) from None

    def _open_held(self, digest: Digest) -> int:
        """The copy of a blob that is not published yet; 0 when there is none, or it just got its name."""
        try:
            return open_regular(self._held[digest]) if digest in self._held else 0
        except (KeyError, FileNotFoundError):
            return 0

    def _check(self, digest: Digest, name: str, size: int, fd: int) -> None:
        if (name, size) == (digest.hash, digest.size):
            self._verified.add(name)
            return
        path = self.blob_path(digest)
        with suppress(OSError):
            if name != digest.hash and os.path.samestat(os.fstat(fd), os.lstat(path)):
                self.quarantine(path, f"blob {digest.hash[:12]} was damaged")
        raise Missing(digest)

    def _record(self, key: Digest) -> tuple[Result, dict[str, bytes]] | None:
        found = self.record_at(self._noted.get(key) or self.record_path(key))
        return found[1:] if found is not None and found[0] == key else None

    def quarantine(self, path: str, what: str) -> None:
        """Move a damaged file to quarantine and warn of it once."""
        self._bump()
        with suppress(OSError):
            os.rename(
                path,
                os.path.join(self._quarantine, f"{os.path.basename(path)}-{os.urandom(4).hex()}"),
            )
        self._bump()
        self._verified.discard(os.path.basename(path))
        self._recent.clear()
        if path not in self._warned:
            self._warned.add(path)
            self._warn(f"{what} in the cache: moved to {self._quarantine}, it will be built again")

    def _bump(self) -> None:
        with suppress(OSError):
            with open(
                open_own(self.generation, os.O_WRONLY | os.O_APPEND, self._quarantine), "ab"
            ) as file:
                file.write(b".")
