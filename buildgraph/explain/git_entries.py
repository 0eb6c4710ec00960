"""Entries of a git revision, and a folder with their names for the analysis of that revision."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..workspace.root import BUILD
from .git import LINK, SUBMODULE, Repository

_NO_MORE_LINKS = (errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EXDEV)


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A commit of a repository; `above` is the path of its work tree in the outermost repository.

    `has_work_tree` is False for a submodule that is not checked out. `is_known` is False if the
    repository does not have the commit: its files are then those of HEAD, and all count as changed.
    """

    repository: Repository
    commit: str
    above: str = ""
    has_work_tree: bool = True
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """A path of a revision: git's mode, the name of its object, and the commit that contains it."""

    mode: str
    name: str
    origin: Origin = field(repr=False)

    @property
    def is_file(self) -> bool:
        """True for a regular file, False for a symlink or a submodule."""
        return self.mode not in (LINK, SUBMODULE)

    def content(self) -> bytes:
        """Return the bytes of its object; raise BuildError if the repository does not have it."""
        return self.origin.repository.content(self.name)


def write_entries(folder: str, entries: Mapping[str, Entry], root: str | None) -> None:
    """Write the names of entries into a folder, and the content of each BUILD.toml.

    Absolute links into `root`, the workspace, become links into the folder. Without a root, links
    are written as plain files. Raises FileExistsError or NotADirectoryError if two entries have the
    same path.
    """
    writer = _Writer(folder, root)
    # Links come last: a file must not be written through one.
    for name, entry in sorted(entries.items(), key=lambda pair: (pair[1].mode == LINK, pair[0])):
        if any(part in ("", ".", "..", ".git") for part in name.split("/")):
            continue
        try:
            writer.write(os.path.join(folder, name), entry)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # a work tree cannot contain such a name, either
                raise


class _Writer:
    """Writes entries into a folder.

    Empty files are hard links to one file: creating a file takes five times as long as a link.
    """

    def __init__(self, folder: str, root: str | None) -> None:
        self._folder, self._root = folder, root
        self._created = {folder}
        self._empty, self._count = "", 0

    def write(self, target: str, entry: Entry) -> None:
        """Write one entry."""
        is_submodule = entry.mode == SUBMODULE
        parent = target if is_submodule else os.path.dirname(target)
        if parent not in self._created:
            os.makedirs(parent, exist_ok=True)
            self._created.add(parent)
        if is_submodule or (entry.mode == LINK and self._write_link(target, entry)):
            return
        if os.path.basename(target) == BUILD:
            with open(target, "xb") as file:
                file.write(entry.content())
        else:
            self._write_empty(target)

    def _write_link(self, target: str, entry: Entry) -> bool:
        """Write a symlink; False if links are written as files, or the target is invalid."""
        root = self._root
        if root is None:
            return False
        to = os.fsdecode(entry.content())
        if not to or "\0" in to:
            return False
        if f"{to}/".startswith(f"{root}/"):
            to = self._folder + to[len(root) :]
        os.symlink(to, target)
        return True

    def _write_empty(self, target: str) -> None:
        try:
            os.link(self._empty or self._next_empty(), target)
        except OSError as error:
            if error.errno not in _NO_MORE_LINKS:
                raise
            try:
                os.link(self._next_empty(), target)
            except OSError:
                _create(target)

    def _next_empty(self) -> str:
        """Create another empty file: file systems limit the hard links of one."""
        self._count += 1
        self._empty = f"{self._folder}.empty{self._count}"
        _create(self._empty)
        return self._empty


def _create(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
