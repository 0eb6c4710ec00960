"""Source files: stamps and SHA-256 digests of the user's files, with an index of earlier digests.

A stamp (`files/stamp.py`) is the size, mtime, ctime, inode and device of a file. A digest from the
index is reused only when the file's stamp is unchanged and was reliable when the file was hashed.
The second condition is the rule against racy stamps, as in git: a file that was modified within the
current tick of the file system's clock can change again without a change of its stamp. A stamp
never leaves the machine; keys depend on digests only. The one door to xxhash, which checksums rows.

    row: stamp (5 numbers), time of hashing (ns), SHA-256, XXH3-128 of the fields before it
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import time

from ..files.stamp import Stamp, fingerprint, is_settled, stamp_of
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.sha256 import hash_open_file
from ..types.digest import Digest
from ..types.errors import BuildError, Location

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol
else:
    Protocol = object

_ROW = struct.Struct("<qqqqqq32s16s")


class Index(Protocol):
    """Rows of earlier digests by path; losing them costs only time."""

    def get(self, key: bytes) -> bytes | None:
        """Return the row of a path; None without one."""
        ...

    def put_many(self, rows: dict[bytes, bytes]) -> None:
        """Store rows."""
        ...


class SourceChanged(Exception):
    """A file changed while this build was reading it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def _checksum(data: bytes) -> bytes:
    import xxhash

    return bytes(xxhash.xxh3_128_digest(data))


class SourceFiles:
    """Digests of files, each hashed at most once in a build.

    Names are relative to the workspace `root`, or absolute. `now` returns the time (ns) of the file
    system's clock before the build read any file. The index is consulted only beyond the first
    `index_threshold` bytes, because opening it takes as long as hashing some files.

    `stamps` has the stamp of each file that was read, taken before it was read. `hashed` counts the
    files whose content was hashed.
    """

    def __init__(
        self,
        root: str,
        index: Index | None = None,
        now: Callable[[], int] = time.time_ns,
        index_threshold: int = 0,
    ) -> None:
        self.root, self._index, self._now = root, index, now
        self._prefix = os.path.join(root, "")
        self._index_threshold, self._total_bytes = index_threshold, 0
        self._known: dict[str, tuple[Digest, bool]] = {}
        self._new_rows: dict[bytes, bytes] = {}
        self._lookup: Callable[[str], tuple[Digest, bool] | None] = lambda name: None
        self.stamps: dict[str, Stamp] = {}
        self.hashed = 0

    def path(self, name: str) -> str:
        """Return the path of a file on this host."""
        return name if name[:1] == "/" else self._prefix + name

    def digest(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """Return (digest, executable) of a regular file; BuildError for anything else."""
        if name not in self._known:
            self._known[name] = self._lookup(name) or self._read(self.path(name), name, at)
        return self._known[name]

    def fresh(self) -> SourceFiles:
        """Return the same files without any known digest and without the index."""
        return SourceFiles(self.root, None, self._now)

    def assume(self, lookup: Callable[[str], tuple[Digest, bool] | None]) -> None:
        """Take digests from `lookup`, for files whose stamps are unchanged since the last build."""
        self._lookup = lookup

    def rehash(self, name: str) -> tuple[Digest, bool]:
        """Return (digest, executable) of a file, ignoring what is known or assumed about it."""
        self._known[name] = self._read(self.path(name), name, None)
        return self._known[name]

    def known_digests(self) -> dict[str, tuple[Digest, bool]]:
        """Return (digest, executable) by name of all files that were read."""
        return dict(self._known)

    def forget(self, name: str = "") -> None:
        """Forget the digest of a file that changed, or of all files when `name` is empty."""
        if name:
            self._known.pop(name, None)
        else:
            self._known.clear()

    def save(self) -> None:
        """Write new digests to the index, for later builds."""
        if self._index is not None and self._new_rows:
            self._index.put_many(self._new_rows)
            self._new_rows = {}

    def exists(self, name: str) -> bool:
        """True for a regular file, or a symlink to one that does not lead out of the workspace."""
        path = self.path(name)
        return os.path.isfile(path) and (
            not os.path.islink(path) or self._is_inside_workspace(path, name)
        )

    def _read(self, path: str, name: str, at: Location | None) -> tuple[Digest, bool]:
        try:
            info = os.lstat(path)
            if stat.S_ISLNK(info.st_mode):
                info = os.stat(path)
                if not self._is_inside_workspace(path, name):  # it may have changed since listing
                    raise BuildError(
                        f"{name!r} is a link out of the workspace",
                        at,
                        "copy the file into the workspace",
                        "source",
                    )
        except OSError as error:
            raise BuildError(
                f"cannot read {name!r}: {error.strerror}", at, _help(name, error), "source"
            ) from None
        if not stat.S_ISREG(info.st_mode):
            raise BuildError(
                f"{name!r} is not a regular file",
                at,
                "name a file, or collect a folder with the rule 'files'",
                "source",
            )
        stamp = stamp_of(info)
        self.stamps[name] = stamp
        digest = self._from_index(path, stamp) or self._hash(path, stamp, name, at)
        return digest, bool(info.st_mode & 0o100)

    def _is_inside_workspace(self, path: str, name: str) -> bool:
        """True for an absolute name, or a path whose target is below the workspace."""
        return os.path.isabs(name) or os.path.realpath(path).startswith(
            os.path.realpath(self.root) + os.sep
        )

    def _from_index(self, path: str, stamp: Stamp) -> Digest | None:
        """Return a digest from the index; None unless the file's stamp is equal and reliable."""
        self._total_bytes += stamp[0]
        if self._index is None or self._total_bytes < self._index_threshold:
            return None
        row = self._index.get(os.fsencode(path))
        if row is None or len(row) != _ROW.size or _checksum(row[:-16]) != row[-16:]:
            return None
        *saved_stamp, hashed_at, sha, _ = _ROW.unpack(row)
        if tuple(saved_stamp) != stamp or not is_settled(stamp, hashed_at):
            return None
        return Digest(sha.hex(), stamp[0])

    def _hash(self, path: str, stamp: Stamp, name: str, at: Location | None) -> Digest:
        """Hash a file and add an index row; SourceChanged when its stamp changes meanwhile."""
        now = self._now()
        self.hashed += 1
        try:
            digest = hash_file(path)
            after = fingerprint(path)
        except OSError as error:
            raise BuildError(
                f"cannot read {name!r}: {error.strerror}", at, "check its permissions", "source"
            ) from None
        if after != stamp:
            raise SourceChanged(name)
        if self._index is None or self._total_bytes < self._index_threshold:
            return digest
        # A time after the year 2262 or an inode beyond 63 bits does not fit: no row is written.
        with suppress(struct.error):
            body = _ROW.pack(*stamp, now, bytes.fromhex(digest.hash), b"")[:-16]
            self._new_rows[os.fsencode(path)] = body + _checksum(body)
        return digest


def hash_file(path: str) -> Digest:
    """Return SHA-256 and size of a regular file; OSError when it cannot be read."""
    # Without waiting: the path may have become a FIFO since it was checked.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return Digest(*hash_open_file(fd))
    finally:
        os.close(fd)


def _help(name: str, error: OSError) -> str:
    if not isinstance(error, FileNotFoundError):
        return "check the path"
    content = "; a .json may be just {}" if name.endswith(".json") else ""
    return (
        f"check the path; where a rule reads {name!r} beside the file that is named here, "
        f"create it{content}"
    )
