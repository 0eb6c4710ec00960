"""Where the cache stands, who may use it, and the private folder of each process inside it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from ..files.regular_file import make_folder
from ..files.remove_tree import remove
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..types.errors import BuildError
from ..workspace.root import cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIX = "set BUILDGRAPH_CACHE to a folder of yours on a disk with room"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def default_root(environ: Mapping[str, str]) -> str:
    """The cache folder: BUILDGRAPH_CACHE, else below XDG_CACHE_HOME, else ~/.cache; BuildError without any."""
    if folder := cache_folder(environ):
        return folder
    raise BuildError("there is no folder for the cache: HOME is not set", None, _FIX, "environment")


def open_root(root: str) -> None:
    """Make the cache folder, or check that it is ours alone and can be written; BuildError otherwise."""
    with translate_os_errors(root):
        os.makedirs(os.path.dirname(root) or ".", exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(root, 0o700)
        check_owner(root)
        if not os.access(root, os.W_OK | os.X_OK):
            raise BuildError(
                f"the cache folder {root} cannot be written", None, _FIX, "environment"
            )


def check_owner(folder: str) -> None:
    """Refuse a folder that is none, that another user owns or that others can write; BuildError."""
    found = os.stat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise BuildError(
            f"{folder} is in the way: the cache needs a folder there", None, _FIX, "environment"
        )
    if found.st_uid != os.geteuid():
        raise BuildError(
            f"the cache folder {folder} belongs to uid {found.st_uid}", None, _FIX, "environment"
        )
    if found.st_mode & 0o022:
        raise BuildError(
            f"others can write the cache folder {folder}",
            None,
            f"chmod 700 {folder}",
            "environment",
        )


class translate_os_errors:
    """Turn a fault of the cache's disk into a BuildError that names the folder and what to do."""

    def __init__(self, root: str) -> None:
        self._root = root

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        if isinstance(fault, OSError):
            what = (
                "is full" if fault.errno in _FULL else f"cannot be used: {fault.strerror or fault}"
            )
            raise BuildError(
                f"the cache folder {self._root} {what}", None, _FIX, "environment"
            ) from fault


class Scratch:
    """A private folder below `tmp/` that lives as long as its process; those of dead processes are removed.

    Life is told by a `flock` on the folder, which the kernel gives back however the process ends, in any container.
    """

    def __init__(self, tmp: str) -> None:
        with _guarded(tmp):
            _sweep(tmp)
            self.path = os.path.join(tmp, f"{os.getpid()}-{os.urandom(8).hex()}")
            os.mkdir(self.path, 0o700)
            self._life = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._life, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder and all that was not published."""
        remove(self.path)
        os.close(self._life)


class scratch_folder:
    """A folder for running actions that goes away with this process, or one that is `kept`."""

    def __init__(self, work: str, kept: str) -> None:
        os.makedirs(os.path.dirname(kept or work), mode=0o700, exist_ok=True)
        make_folder(kept or work)
        self._scratch = None if kept else Scratch(work)
        self.path = self._scratch.path if self._scratch is not None else kept

    def close(self) -> None:
        """Remove it, unless it is kept."""
        if self._scratch is not None:
            self._scratch.close()


def sweep_dead(tmp: str) -> None:
    """Remove what dead processes left below a folder of Scratch folders; nothing when there is no such folder."""
    if os.path.isdir(tmp):
        with _guarded(tmp):
            _sweep(tmp)


class _guarded:
    """One process at a time makes and sweeps folders below a folder."""

    def __init__(self, tmp: str) -> None:
        self._guard = os.open(tmp, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> None:
        fcntl.flock(self._guard, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._guard)


def _end_sandboxes(folder: str) -> None:
    """Kill bubblewraps of a dead build: one that loses its parent before its child is let run leaves that for ever."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            if os.path.basename(words[0]) == b"bwrap" and any(
                os.fsencode(folder) in word for word in words
            ):
                os.kill(int(pid), 9)
        except OSError:
            continue


def _sweep(tmp: str) -> None:
    for entry in os.scandir(tmp):
        try:
            fd = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _end_sandboxes(entry.path)
            remove(entry.path)
        except OSError:
            pass
        finally:
            os.close(fd)
