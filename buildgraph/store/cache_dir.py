"""Folder of the cache: its place, its owner, and private folders of processes inside it."""

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

_HELP = "set BUILDGRAPH_CACHE to a folder of yours on a disk with room"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def default_root(environ: Mapping[str, str]) -> str:
    """Return the cache folder: BUILDGRAPH_CACHE, else a folder below XDG_CACHE_HOME or ~/.cache.

    BuildError (reason "environment") when none of the three is set.
    """
    if folder := cache_folder(environ):
        return folder
    raise BuildError(
        "there is no folder for the cache: HOME is not set", None, _HELP, "environment"
    )


def open_root(root: str) -> None:
    """Create the cache folder, or check an existing one; BuildError when it cannot be used."""
    with translate_os_errors(root):
        os.makedirs(os.path.dirname(root) or ".", exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(root, 0o700)
        check_owner(root)
        if not os.access(root, os.W_OK | os.X_OK):
            raise BuildError(
                f"the cache folder {root} cannot be written", None, _HELP, "environment"
            )


def check_owner(folder: str) -> None:
    """Raise BuildError unless `folder` is a folder of this user that no other user can write."""
    info = os.stat(folder)
    if not stat.S_ISDIR(info.st_mode):
        raise BuildError(
            f"{folder} is not a folder, and the cache needs a folder there",
            None,
            _HELP,
            "environment",
        )
    if info.st_uid != os.geteuid():
        raise BuildError(
            f"the cache folder {folder} belongs to uid {info.st_uid}", None, _HELP, "environment"
        )
    if info.st_mode & 0o022:
        raise BuildError(
            f"others can write the cache folder {folder}",
            None,
            f"chmod 700 {folder}",
            "environment",
        )


class translate_os_errors:
    """Context manager that raises an OSError as a BuildError naming the cache folder."""

    def __init__(self, root: str) -> None:
        self._root = root

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            problem = (
                "is full" if error.errno in _FULL else f"cannot be used: {error.strerror or error}"
            )
            raise BuildError(
                f"the cache folder {self._root} {problem}", None, _HELP, "environment"
            ) from error


class PrivateFolder:
    """A folder below `tmp` that belongs to this process; folders of dead processes are removed.

    A `flock` on the folder shows that its process is alive. The kernel releases it however the
    process ends, in any container.
    """

    def __init__(self, tmp: str) -> None:
        with _FolderLock(tmp):
            _remove_dead(tmp)
            self.path = os.path.join(tmp, f"{os.getpid()}-{os.urandom(8).hex()}")
            os.mkdir(self.path, 0o700)
            self._fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._fd, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder with all its files."""
        remove(self.path)
        os.close(self._fd)


class ScratchFolder:
    """A folder to run actions in: a private one below `work`, or the folder `kept`, which stays."""

    def __init__(self, work: str, kept: str) -> None:
        os.makedirs(os.path.dirname(kept or work), mode=0o700, exist_ok=True)
        make_folder(kept or work)
        self._private = None if kept else PrivateFolder(work)
        self.path = self._private.path if self._private is not None else kept

    def close(self) -> None:
        """Remove the folder, unless it is kept."""
        if self._private is not None:
            self._private.close()


def sweep_dead(tmp: str) -> None:
    """Remove the private folders of dead processes below `tmp`, if `tmp` exists."""
    if os.path.isdir(tmp):
        with _FolderLock(tmp):
            _remove_dead(tmp)


class _FolderLock:
    """Lock of a folder: one process at a time creates and removes private folders below it."""

    def __init__(self, tmp: str) -> None:
        self._fd = os.open(tmp, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _kill_sandboxes(folder: str) -> None:
    """Kill bubblewrap processes of a dead build that use `folder`.

    Bubblewrap whose parent dies before its child may start never ends by itself.
    """
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


def _remove_dead(tmp: str) -> None:
    for entry in os.scandir(tmp):
        try:
            fd = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _kill_sandboxes(entry.path)
            remove(entry.path)
        except OSError:
            pass
        finally:
            os.close(fd)
