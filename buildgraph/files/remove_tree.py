"""Removing folders that an action may have filled with anything: very deep trees, folders without permission, mounts.

No recursion and no long path: each folder below the top is first renamed into the top and then emptied there, so that the
work is the same at every depth. The kernel renames no mount point, so no other file system, and no folder of the host that
is mounted there, is ever entered. What cannot be removed stays, and raises nothing.
"""

from __future__ import annotations

import errno
import os
import stat

from ..lite.contextmanagers import suppress

_UNCHANGEABLE = 0x10 | 0x20  # FS_IMMUTABLE_FL, FS_APPEND_FL
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(path: str) -> bool:
    """Remove a file, a link, or a folder with all that is in it; whether nothing stands there any more."""
    parent, _, name = path.rstrip("/").rpartition("/")
    try:
        above = os.open(
            parent or ("/" if path.startswith("/") else "."),
            os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC,
        )
    except OSError as fault:
        return fault.errno in (errno.ENOENT, errno.ENOTDIR)
    try:
        return _unlinked(above, name) or _remove(above, name)
    finally:
        os.close(above)


def _remove(above: int, name: str) -> bool:
    aside = f"{name[:100]}.{os.urandom(6).hex()}"
    if not _renamed((above, name), (above, aside)):
        return False  # it is a mount point, or not ours
    with suppress(OSError):
        top = _opened(above, aside)
        try:
            _Emptying(top).run()
        finally:
            os.close(top)
    try:
        os.rmdir(aside, dir_fd=above)
    except OSError:
        _renamed((above, aside), (above, name))
        return False
    return True


class _Emptying:
    """A folder that is emptied: its descriptor, and the folders that were moved into it."""

    def __init__(self, top: int) -> None:
        self._top, self._mark, self._count = top, os.urandom(6).hex(), 0
        self._waiting: list[str] = []

    def run(self) -> None:
        """Empty it, as far as that can be done."""
        self._take(self._top)
        while self._waiting:
            name = self._waiting.pop()
            with suppress(OSError):
                folder = _opened(self._top, name)
                try:
                    self._take(folder)
                finally:
                    os.close(folder)
                os.rmdir(name, dir_fd=self._top)

    def _take(self, folder: int) -> None:
        """Unlink what is in a folder, and move its folders into the top."""
        for name in os.listdir(folder):
            if _unlinked(folder, name):
                continue
            fresh = f".{self._mark}.{self._count}"
            self._count += 1
            if _renamed((folder, name), (self._top, fresh)):
                self._waiting.append(fresh)


def _unlinked(folder: int, name: str) -> bool:
    """Whether a name is gone, or never was there; a folder stays."""
    try:
        os.unlink(name, dir_fd=folder)
        return True
    except FileNotFoundError:
        return True
    except IsADirectoryError:
        return False
    except PermissionError:
        with suppress(OSError):
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                _unlock(folder, name)
                os.unlink(name, dir_fd=folder)
                return True
    except OSError:
        pass  # busy, or of a disk that cannot be written
    return False


def _renamed(old: tuple[int, str], new: tuple[int, str]) -> bool:
    for _ in range(2):
        try:
            os.rename(old[1], new[1], src_dir_fd=old[0], dst_dir_fd=new[0])
            return True
        except PermissionError:  # a folder that moves to another one must be writable itself
            with suppress(OSError):
                _unlock(*old)
        except OSError:
            return False
    return False


def _opened(above: int, name: str) -> int:
    """A folder, which its owner can read and change from now on."""
    try:
        fd = os.open(name, _FOLDER, dir_fd=above)
    except PermissionError:
        _unlock(above, name)
        return os.open(name, _FOLDER, dir_fd=above)
    with suppress(OSError):
        if os.fstat(fd).st_mode & 0o700 != 0o700:
            os.fchmod(fd, 0o700)
    return fd


def _unlock(above: int, name: str) -> None:
    """Let an entry and its folder be changed: modes and flags, as far as this process may."""
    held = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        for path in (f"/proc/self/fd/{held}", f"/proc/self/fd/{above}"):
            with suppress(OSError):
                _make_changeable(path)
        if stat.S_ISDIR(os.fstat(held).st_mode):
            os.chmod(f"/proc/self/fd/{held}", 0o700)
    finally:
        os.close(held)


def _make_changeable(path: str) -> None:
    import fcntl

    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        flags = bytearray(8)
        fcntl.ioctl(fd, _GET_FLAGS, flags)
        held = int.from_bytes(flags, "little")
        if held & _UNCHANGEABLE:
            fcntl.ioctl(fd, _SET_FLAGS, (held & ~_UNCHANGEABLE).to_bytes(8, "little"))
    finally:
        os.close(fd)
