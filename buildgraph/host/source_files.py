"""The user's files: what each holds, known by SHA-256, and found again cheaply by the stat index.

A stamp (`stamp.py`) says "not changed since it was hashed here". It never leaves the machine. The one door to xxhash, which
checksums the rows of the index.
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

_ROW = struct.Struct(
    "<qqqqqq32s16s"
)  # fingerprint, time of hashing, SHA-256, XXH3-128 of what stands before


class Index(Protocol):
    """Where rows of the stat index are kept between builds; losing it costs only time."""

    def get(self, key: bytes) -> bytes | None:
        """The row of a path, if there is one."""
        ...

    def put_many(self, rows: dict[bytes, bytes]) -> None:
        """Keep rows."""
        ...


class SourceChanged(Exception):
    """A file changed while it was being used by this build."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def _checksum(data: bytes) -> bytes:
    import xxhash

    return bytes(xxhash.xxh3_128_digest(data))


class SourceFiles:
    """Digests of files, each known once in a session; `root` is the workspace, absolute paths are taken as they are.

    The index is asked only beyond the first `light` bytes: to open it costs as much as to hash some.
    """

    def __init__(
        self,
        root: str,
        index: Index | None = None,
        now: Callable[[], int] = time.time_ns,
        light: int = 0,
    ) -> None:
        self.root, self._index, self._now = root, index, now
        self._light, self._weight = light, 0
        self._known: dict[str, tuple[Digest, bool]] = {}
        self._fresh: dict[bytes, bytes] = {}
        self._lookup: Callable[[str], tuple[Digest, bool] | None] = lambda name: None
        self.stamps: dict[str, Stamp] = {}
        self.hashed = 0

    def path(self, name: str) -> str:
        """Where a file of the workspace stands on this host."""
        return os.path.join(self.root, name)

    def digest(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """(digest, executable) of a regular file; BuildError when it is not one."""
        if name not in self._known:
            self._known[name] = self._lookup(name) or self._look(self.path(name), name, at)
        return self._known[name]

    def fresh(self) -> SourceFiles:
        """The same files with nothing known yet, and without the index."""
        return SourceFiles(self.root, None, self._now)

    def assume(self, lookup: Callable[[str], tuple[Digest, bool] | None]) -> None:
        """Take digests from elsewhere, of files whose stamps were just seen to hold."""
        self._lookup = lookup

    def rehash(self, name: str) -> tuple[Digest, bool]:
        """(digest, executable) of a file that is looked at anew, whatever was known or assumed."""
        self._known[name] = self._look(self.path(name), name, None)
        return self._known[name]

    def known_digests(self) -> dict[str, tuple[Digest, bool]]:
        """Every digest known so far, by name."""
        return dict(self._known)

    def forget(self, name: str = "") -> None:
        """Look at a file anew, or at every one: something moved under the build."""
        if name:
            self._known.pop(name, None)
        else:
            self._known.clear()

    def save(self) -> None:
        """Keep what was hashed for the next build."""
        if self._index is not None and self._fresh:
            self._index.put_many(self._fresh)
            self._fresh = {}

    def _look(self, path: str, name: str, at: Location | None) -> tuple[Digest, bool]:
        try:
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                found = os.stat(path)
                if not self._stays(path, name):  # it may have become one after it was listed
                    raise BuildError(
                        f"{name!r} is a link out of the workspace",
                        at,
                        "copy what it names",
                        "source",
                    )
        except OSError as fault:
            raise BuildError(
                f"cannot read {name!r}: {fault.strerror}", at, _way_out(name, fault), "source"
            ) from None
        if not stat.S_ISREG(found.st_mode):
            raise BuildError(
                f"{name!r} is not a regular file",
                at,
                "name a file, or collect a folder with the rule 'files'",
                "source",
            )
        print_ = stamp_of(found)
        self.stamps[name] = print_
        return self._recall(path, print_) or self._hash(path, print_, name, at), bool(
            found.st_mode & 0o100
        )

    def exists(self, name: str) -> bool:
        """Whether there is such a file; it may be a link, but not one of the workspace that leads out of it."""
        path = self.path(name)
        return os.path.isfile(path) and (not os.path.islink(path) or self._stays(path, name))

    def _stays(self, path: str, name: str) -> bool:
        return os.path.isabs(name) or os.path.realpath(path).startswith(
            os.path.realpath(self.root) + os.sep
        )

    def _recall(self, path: str, print_: Stamp) -> Digest | None:
        self._weight += print_[0]
        if self._index is None or self._weight < self._light:
            return None
        row = self._index.get(os.fsencode(path))
        if row is None or len(row) != _ROW.size or _checksum(row[:-16]) != row[-16:]:
            return None
        *kept, hashed_at, sha, _ = _ROW.unpack(row)
        if tuple(kept) != print_ or not is_settled(print_, hashed_at):
            return None
        return Digest(sha.hex(), print_[0])

    def _hash(self, path: str, print_: Stamp, name: str, at: Location | None) -> Digest:
        now = self._now()
        self.hashed += 1
        try:
            digest = hash_file(path)
            after = fingerprint(path)
        except OSError as fault:
            raise BuildError(
                f"cannot read {name!r}: {fault.strerror}", at, "check its permissions", "source"
            ) from None
        if after != print_:
            raise SourceChanged(name)
        if self._index is None or self._weight < self._light:
            return digest
        with suppress(
            struct.error
        ):  # a stamp after the year 2262, or an inode beyond 63 bits: hashed each time
            body = _ROW.pack(*print_, now, bytes.fromhex(digest.hash), b"")[:-16]
            self._fresh[os.fsencode(path)] = body + _checksum(body)
        return digest


def hash_file(path: str) -> Digest:
    """SHA-256 and size of a file's bytes; OSError when it cannot be read."""
    fd = os.open(
        path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    )  # it may have become a FIFO a moment ago
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return Digest(*hash_open_file(fd))
    finally:
        os.close(fd)


def _way_out(name: str, fault: OSError) -> str:
    if not isinstance(fault, FileNotFoundError):
        return "check the path"
    empty = "; a .json may be just {}" if name.endswith(".json") else ""
    return f"check the path; where a rule reads {name!r} beside the file that is named here, create it{empty}"
