"""Where one action after another runs: a folder that is emptied between them, not made anew.

Making and removing folders for each action costs more than it seems: ext4 passes over inodes that were freed in the
last minutes, one by one, so every file that is made beside many removed ones costs a long look. Folders for inputs and
outputs therefore stay, as long as the next action wants the same, and files that it will write anew stay at their places.
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
    """`root` becomes the working folder of an action, `out` (below it) and `temp` are what it may change."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.root, self.temp = f"{folder}/build", f"{folder}/tmp"
        self.out = f"{self.root}/out"
        self._made: dict[str, tuple[int, int]] = {}  # each of our folders, and which it is
        self._left: set[str] = (
            set()
        )  # files at their places, for `create` if the next action wants them there
        self._spare: list[str] = []
        self._spare_folders: list[tuple[str, tuple[int, int]]] = []
        os.mkdir(folder, 0o700)
        os.mkdir(f"{folder}/spare", 0o700)
        for path in self._own():
            self._make(path)

    def prepare(self, wanted: Iterable[str], files: Iterable[str] = ()) -> None:
        """Have exactly these folders below `root`, given relative to it, and their parents.

        Nothing else is left, but for files from before where `create` will be called for these paths.
        """
        paths = {self.root, self.out, self.temp}
        for folder in wanted:
            path = f"{self.root}/{folder}"
            while path not in paths:
                paths.add(path)
                path = path.rpartition("/")[0]
        self._put_away(self._left - ({f"{self.root}/{path}" for path in files} - paths))
        if paths != self._made.keys():
            for path in sorted(self._made.keys() - paths, reverse=True):
                self._spare_folders.append(
                    (f"{self.folder}/spare/f{len(self._spare_folders)}", self._made.pop(path))
                )
                os.rename(path, self._spare_folders[-1][0])
            for path in sorted(paths - self._made.keys()):
                if self._spare_folders:
                    spare, self._made[path] = self._spare_folders.pop()
                    os.rename(spare, path)
                else:
                    self._make(path)

    def create(self, path: str) -> int:
        """Open a new file for writing: one that an earlier action has no use for any more, where there is one.

        Its bytes are to be overwritten and cut off: ext4 would write out at once what is emptied before.
        """
        if path in self._left:
            self._left.discard(path)
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
        """Empty it, whatever the action left in it; what was put in place of our folders goes, too.

        Files that can be used again stay until `furnish`. False when something cannot be removed, such as a mount: this
        slot is then not to be used again.
        """
        self._left.clear()
        try:
            found = {path: os.lstat(path) for path in self._made}
            whole = all(
                _identity(found[path]) == known and not os.listxattr(path)
                for path, known in self._made.items()
            )
            if whole:
                for path, seen in found.items():
                    if S_IMODE(seen.st_mode) != 0o755:
                        os.chmod(path, 0o755)
                    self._empty(path)
        except OSError:
            whole = False
        return whole or self._made_again()

    def _made_again(self) -> bool:
        self._made.clear()
        self._left.clear()
        if not all([remove(path) for path in (self.root, self.temp)]):
            return False
        for path in self._own():
            self._make(path)
        return True

    def _own(self) -> tuple[str, str, str]:
        return self.root, self.out, self.temp

    def _make(self, path: str) -> None:
        os.mkdir(path, 0o755)
        self._made[path] = _identity(os.lstat(path))

    def _empty(self, folder: str) -> None:
        for name in os.listdir(folder):
            path = f"{folder}/{name}"
            if path not in self._made and not self._stays(path):
                try:
                    os.unlink(path)
                except OSError:
                    if not remove(path):
                        raise

    def _stays(self, path: str) -> bool:
        """Keep a file for `create`, when nothing of it but its bytes could reach who gets it."""
        found = os.lstat(path)
        if (
            len(self._left) >= _SPARES
            or found.st_size > _SMALL
            or not S_ISREG(found.st_mode)
            or found.st_nlink > 1
            or found.st_uid != _USER
            or os.listxattr(path)
        ):
            return False
        if _USER:
            os.chmod(path, 0o600)  # root may write it as it is
        self._left.add(path)
        return True

    def _put_away(self, files: set[str]) -> None:
        for path in files:
            if len(self._spare) < _SPARES:
                self._spare.append(f"{self.folder}/spare/{len(self._spare)}")
                os.rename(path, self._spare[-1])
            else:
                os.unlink(path)
        self._left -= files


def _identity(found: os.stat_result) -> tuple[int, int]:
    return (found.st_ino, found.st_dev) if S_ISDIR(found.st_mode) else (0, 0)
