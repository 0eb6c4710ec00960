"""A revision of the workspace, read from git's objects; the work tree and the index stay untouched.

`write` puts the names of its files into a folder: empty files, because analysis looks at names only.
BUILD.toml and files of rules get their content. Submodules are read from their own repositories, at
the commits that the revision names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType

from ..types.digest import Digest
from ..types.errors import BuildError
from .git import LINK, PROGRAM, SUBMODULE, Repository
from .git_commits import resolve_commit, unknown_revision
from .git_entries import Entry, Origin, write_entries


class Revision:
    """The files of a commit. Close it (`with`): it keeps git processes that read objects.

    `entries` maps paths in the repository to entries, `prefix` is the path of the workspace in the
    repository, and `not_checked_out` are the paths of submodules without a work tree.
    """

    def __init__(self, root: str, text: str, repository: Repository, shipped: str = "") -> None:
        self.root, self.text, self.repository = os.path.realpath(root), text, repository
        self.commit = commit = resolve_commit(repository, text)
        inner = os.path.relpath(self.root, repository.top)
        self.prefix = "" if inner == "." else inner + "/"
        self.entries: dict[str, Entry] = {}
        self.not_checked_out: list[str] = []
        self._origins = [Origin(repository, commit)]
        self._changed: dict[Origin, set[str]] = {}
        self._modes = repository.setting("core.fileMode", True)
        self._links = repository.setting("core.symlinks", True)
        folders: tuple[str, ...] = (self.prefix,) if self.prefix else ()
        tools = os.path.relpath(shipped, repository.top) if shipped else ".."
        if folders and not tools.startswith(".."):
            folders = (*folders, tools)
        self._list(folders)

    @classmethod
    def find(cls, root: str, text: str, shipped: str = "") -> Revision:
        """Find the commit that a user names in the repository of the workspace `root`.

        `A...` is the merge base of A and HEAD. `shipped` is the folder of shipped tools, which may
        be part of the repository. Raises BuildError if there is no repository or no such commit.
        """
        return cls(root, text, Repository.around(root), shipped)

    def __enter__(self) -> Revision:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for origin in self._origins:
            origin.repository.close()

    def write(self, folder: str) -> None:
        """Write the names of the workspace's files into an empty folder, and each BUILD.toml.

        Raises BuildError for a tree with two entries of one name, which git itself never writes.
        """
        inside = {
            path.removeprefix(self.prefix): entry
            for path, entry in self.entries.items()
            if path.startswith(self.prefix)
        }
        try:
            write_entries(folder, inside, self.root if self._links else None)
        except (FileExistsError, NotADirectoryError) as error:
            name = os.path.relpath(error.filename2 or error.filename, folder)
            raise BuildError(
                f"the tree of {self.commit[:12]} has two entries {name!r}",
                None,
                "run `git fsck` for details",
                "broken",
            ) from None

    def fill(self, folder: str, names: Iterable[str]) -> None:
        """Write the content of some files of the workspace."""
        for name in names:
            entry = self.entries.get(self.prefix + name)
            if entry is not None and entry.is_file:
                target = os.path.join(folder, name)
                with suppress(FileNotFoundError):
                    os.unlink(target)  # a hard link that all empty files share
                with open(target, "xb") as file:
                    file.write(entry.content())

    def digest(self, path: str) -> tuple[Digest, bool] | None:
        """Return (digest, is executable) of a file by its path in the repository; None if absent."""
        entry = self.entries.get(path)
        if entry is None or not (entry.is_file or (entry.mode == LINK and not self._links)):
            return None
        if entry.origin.is_known:
            digest = entry.origin.repository.digest(entry.name)
        else:
            name = f"{entry.origin.commit} {path}"
            digest = Digest.of(name.encode(errors="surrogateescape"))
        return digest, entry.mode == PROGRAM

    def is_unchanged(self, path: str) -> bool:
        """True if git would store the work tree's file at a path as the object of this revision.

        Its bytes may differ from the object: filters convert line ends or fetch large files.
        """
        entry = self.entries.get(path)
        if entry is None or not entry.is_file:
            return False
        origin = entry.origin
        if not (origin.has_work_tree and origin.is_known):
            return False
        if origin not in self._changed:
            self._changed[origin] = origin.repository.changed(origin.commit)
        inner = path.removeprefix(origin.above)
        return (
            inner not in self._changed[origin] or origin.repository.stored_as(inner) == entry.name
        )

    def keeps_modes(self) -> bool:
        """True if git records the modes of files here; some file systems have none."""
        return self._modes

    def skipped(self) -> dict[str, Entry]:
        """Return the files of the workspace that a sparse checkout leaves out, from the index."""
        skipped = {}
        for origin in self._origins:
            for path, file in origin.repository.index().items() if origin.has_work_tree else ():
                full = origin.above + path
                if (
                    file.tag in "Ss"
                    and full.startswith(self.prefix)
                    and not os.path.lexists(self._path(full))
                ):
                    entry = Entry(file.mode, file.name, origin)
                    skipped[full.removeprefix(self.prefix)] = entry
        return skipped

    def ignored(self, names: Iterable[str]) -> list[str]:
        """Return those files of the workspace that git ignores and the revision does not have."""
        paths = [path for name in names if (path := self.prefix + name) not in self.entries]
        ignored: set[str] = set()
        for origin in reversed(self._origins):  # submodules before the repositories around them
            own = [path for path in paths if path.startswith(origin.above)]
            paths = [path for path in paths if not path.startswith(origin.above)]
            if origin.has_work_tree:
                inner = [path.removeprefix(origin.above) for path in own]
                ignored |= {origin.above + path for path in origin.repository.ignored(inner)}
        return sorted(path.removeprefix(self.prefix) for path in ignored)

    def _path(self, path: str) -> str:
        return os.path.join(self.repository.top, path)

    def _list(self, folders: tuple[str, ...]) -> None:
        tree = self.repository.tree(self.commit, folders)
        if tree is None:
            raise unknown_revision(
                self.repository, f"git cannot list {self.commit[:12]}", self.commit
            )
        waiting = [(self._origins[0], tree)]
        while waiting:
            origin, files = waiting.pop()
            for path, mode, name in files:
                full = origin.above + path
                self.entries[full] = Entry(mode, name, origin)
                if mode == SUBMODULE and (inner := self._submodule(full, name, origin)):
                    self._origins.append(inner)
                    waiting.append((inner, _files_of(inner)))

    def _submodule(self, path: str, commit: str, outer: Origin) -> Origin | None:
        """Return the commit of a submodule; None if it is not checked out and not available."""
        work_tree = self._path(path)
        if os.path.lexists(os.path.join(work_tree, ".git")):
            repository = Repository(os.path.realpath(work_tree))
            is_known = outer.is_known and repository.commit(commit) is not None
            return Origin(repository, commit, f"{path}/", is_known=is_known)
        inner = path.removeprefix(outer.above)
        now = outer.repository.index().get(inner) if outer.has_work_tree else None
        if now is not None and now.mode == SUBMODULE:
            # It is not checked out, so its files are absent in both states: it counts as unchanged.
            self.not_checked_out.append(path)
            return None
        folder = outer.repository.folder_of_submodule(outer.commit, inner)
        stored = Repository(folder, bare=True) if folder else None
        if stored is None or stored.commit(commit) is None:
            return None
        return Origin(stored, commit, f"{path}/", has_work_tree=False, is_known=outer.is_known)


def _files_of(origin: Origin) -> Iterator[tuple[str, str, str]]:
    """Yield (path, mode, object) of a submodule's commit; of HEAD if the commit is not available."""
    files = origin.repository.tree(origin.commit) or origin.repository.tree("HEAD")
    return files or iter(())
