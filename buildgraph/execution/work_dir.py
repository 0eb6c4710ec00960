"""Working directory of actions, which run in it one after the other.

It is emptied between them and not removed.

Making and removing folders for each action is slow: ext4 skips inodes that were freed in the last
minutes one by one, so a new file beside many removed ones costs a long search. Folders stay while
the next action needs the same ones, and files stay where it will write files of the same paths.
"""

from __future__ import annotations

import os
from stat import S_IMODE, S_ISDIR, S_ISREG

from ..files.remove_tree import remove
from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPARES, _SMALL, _USER = 64, 1 << 20, os.geteuid()


class WorkDir:
    """A folder for actions: `root` is the working directory.

    An action may write to `out`, below it, and to `temp`.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.root, self.temp = f"{folder}/build", f"{folder}/tmp"
        self.out = f"{self.root}/out"
        self._folders: dict[str, tuple[int, int]] = {}  # each folder, and its inode and device
        self._reusable: set[str] = set()  # files that `create` may open again at their paths
        self._spare: list[str] = []
        self._spare_folders: list[tuple[str, tuple[int, int]]] = []
        os.mkdir(folder, 0o700)
        os.mkdir(f"{folder}/spare", 0o700)
        for path in self._own():
            self._make(path)

    def prepare(self, folders: Iterable[str], files: Iterable[str] = ()) -> None:
        """Make exactly these folders below `root`, given relative to it, and their parents.

        Of the files of earlier actions only those stay for whose paths `create` will be called.
        """
        paths = {self.root, self.out, self.temp}
        for folder in folders:
            path = f"{self.root}/{folder}"
            while path not in paths:
                paths.add(path)
                path = path.rpartition("/")[0]
        self._put_away(self._reusable - ({f"{self.root}/{path}" for path in files} - paths))
        if paths != self._folders.keys():
            for path in sorted(self._folders.keys() - paths, reverse=True):
                self._spare_folders.append(
                    (f"{self.folder}/spare/f{len(self._spare_folders)}", self._folders.pop(path))
                )
                os.rename(path, self._spare_folders[-1][0])
            for path in sorted(paths - self._folders.keys()):
                if self._spare_folders:
                    spare, self._folders[path] = self._spare_folders.pop()
                    os.rename(spare, path)
                else:
                    self._make(path)

    def create(self, path: str) -> int:
        """Open a file for writing: that of an earlier action if there is one, else a new file.

        The caller overwrites its bytes and truncates it at the end: ext4 writes a file out at once
        if it is emptied first.
        """
        if path in self._reusable:
            self._reusable.discard(path)
            return os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        if not self._spare:
            return os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        if os.path.lexists(path):
            raise FileExistsError(path)
        os.rename(self._spare.pop(), path)
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def clean(self) -> bool:
        """Remove all that the action left. Folders that it replaced are made again.

        Files that can be used again stay until `prepare`. False if something cannot be removed,
        such as a mount: the directory must then not be used again.
        """
        self._reusable.clear()
        try:
            statuses = {path: os.lstat(path) for path in self._folders}
            whole = all(
                _identity(statuses[path]) == known and not os.listxattr(path)
                for path, known in self._folders.items()
            )
            if whole:
                for path, status in statuses.items():
                    if S_IMODE(status.st_mode) != 0o755:
                        os.chmod(path, 0o755)
                    self._empty(path)
        except OSError:
            whole = False
        return whole or self._remake()

    def _remake(self) -> bool:
        self._folders.clear()
        self._reusable.clear()
        if not all([remove(path) for path in (self.root, self.temp)]):
            return False
        for path in self._own():
            self._make(path)
        return True

    def _own(self) -> tuple[str, str, str]:
        return self.root, self.out, self.temp

    def _make(self, path: str) -> None:
        os.mkdir(path, 0o755)
        self._folders[path] = _identity(os.lstat(path))

    def _empty(self, folder: str) -> None:
        for name in os.listdir(folder):
            path = f"{folder}/{name}"
            if path not in self._folders and not self._keep_reusable(path):
                try:
                    os.unlink(path)
                except OSError:
                    if not remove(path):
                        raise

    def _keep_reusable(self, path: str) -> bool:
        """Keep a file for `create` if nothing but its bytes could reach the next action.

        True if it is kept.
        """
        status = os.lstat(path)
        if (
            len(self._reusable) >= _SPARES
            or status.st_size > _SMALL
            or not S_ISREG(status.st_mode)
            or status.st_nlink > 1
            or status.st_uid != _USER
            or os.listxattr(path)
        ):
            return False
        if _USER:
            os.chmod(path, 0o600)  # root may write it anyway
        self._reusable.add(path)
        return True

    def _put_away(self, files: set[str]) -> None:
        for path in files:
            if len(self._spare) < _SPARES:
                self._spare.append(f"{self.folder}/spare/{len(self._spare)}")
                os.rename(path, self._spare[-1])
            else:
                os.unlink(path)
        self._reusable -= files


def _identity(status: os.stat_result) -> tuple[int, int]:
    return (status.st_ino, status.st_dev) if S_ISDIR(status.st_mode) else (0, 0)
