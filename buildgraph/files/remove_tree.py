"""Remove trees with any content: very deep, without permissions, immutable, with mount points.

There is no recursion and no long path. Each folder below the top is renamed into the top and
emptied there, so the work does not depend on the depth. The kernel refuses to rename a mount point,
so no other file system is entered, and no folder of the host that is mounted in the tree. Entries
that cannot be removed stay, and no exception is raised for them.
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
    """Remove a file, a link or a folder with its content; True if nothing is left at the path."""
    parent, _, name = path.rstrip("/").rpartition("/")
    try:
        parent_fd = os.open(
            parent or ("/" if path.startswith("/") else "."),
            os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC,
        )
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR)
    try:
        return _unlink(parent_fd, name) or _remove_folder(parent_fd, name)
    finally:
        os.close(parent_fd)


def _remove_folder(parent: int, name: str) -> bool:
    temporary = f"{name[:100]}.{os.urandom(6).hex()}"
    if not _rename(parent, name, parent, temporary):
        return False  # a mount point, or a folder of another user
    with suppress(OSError):
        top = _open_folder(parent, temporary)
        try:
            _EmptyFolder(top).run()
        finally:
            os.close(top)
    try:
        os.rmdir(temporary, dir_fd=parent)
    except OSError:
        _rename(parent, temporary, parent, name)
        return False
    return True


class _EmptyFolder:
    """Empty a folder that is given by its descriptor."""

    def __init__(self, top: int) -> None:
        self._top, self._prefix, self._count = top, os.urandom(6).hex(), 0
        self._moved: list[str] = []  # names in the top of folders that are not empty yet

    def run(self) -> None:
        """Remove each entry that can be removed."""
        self._empty(self._top)
        while self._moved:
            name = self._moved.pop()
            with suppress(OSError):
                folder = _open_folder(self._top, name)
                try:
                    self._empty(folder)
                finally:
                    os.close(folder)
                os.rmdir(name, dir_fd=self._top)

    def _empty(self, folder: int) -> None:
        """Unlink the files of a folder, and move its folders into the top."""
        for name in os.listdir(folder):
            if _unlink(folder, name):
                continue
            fresh = f".{self._prefix}.{self._count}"
            self._count += 1
            if _rename(folder, name, self._top, fresh):
                self._moved.append(fresh)


def _unlink(folder: int, name: str) -> bool:
    """Unlink an entry that is not a folder; True if it does not exist afterwards."""
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
        pass  # the entry is busy, or the file system is read-only
    return False


def _rename(folder: int, name: str, new_folder: int, new_name: str) -> bool:
    """Rename an entry; True if that succeeded. Folders are given by their descriptors."""
    for _ in range(2):
        try:
            os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=new_folder)
            return True
        except PermissionError:  # a folder that moves to another parent must be writable itself
            with suppress(OSError):
                _unlock(folder, name)
        except OSError:
            return False
    return False


def _open_folder(parent: int, name: str) -> int:
    """Open a folder, and give its owner all permissions for it."""
    try:
        fd = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        _unlock(parent, name)
        return os.open(name, _FOLDER, dir_fd=parent)
    with suppress(OSError):
        if os.fstat(fd).st_mode & 0o700 != 0o700:
            os.fchmod(fd, 0o700)
    return fd


def _unlock(parent: int, name: str) -> None:
    """Make an entry and its folder changeable, by modes and flags, as far as this process may."""
    entry = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        for path in (f"/proc/self/fd/{entry}", f"/proc/self/fd/{parent}"):
            with suppress(OSError):
                _clear_flags(path)
        if stat.S_ISDIR(os.fstat(entry).st_mode):
            os.chmod(f"/proc/self/fd/{entry}", 0o700)
    finally:
        os.close(entry)


def _clear_flags(path: str) -> None:
    """Clear the flags "immutable" and "append only" of a file or folder."""
    import fcntl

    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        buffer = bytearray(8)
        fcntl.ioctl(fd, _GET_FLAGS, buffer)
        flags = int.from_bytes(buffer, "little")
        if flags & _UNCHANGEABLE:
            fcntl.ioctl(fd, _SET_FLAGS, (flags & ~_UNCHANGEABLE).to_bytes(8, "little"))
    finally:
        os.close(fd)
