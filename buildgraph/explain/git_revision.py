"""A revision of the workspace read from git's objects: names in a folder apart, content when it is asked for.

Neither the work tree nor the index is touched. A file is written empty, for analysis looks at names only; BUILD.toml
and files of rules are filled. Submodules are read from their own repositories at the commits that the revision names.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from ..types.digest import Digest
from ..types.errors import BuildError, did_you_mean
from ..workspace.root import BUILD
from .git import LINK, PROGRAM, SUBMODULE, Repository

_NO_MORE_LINKS = (errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EXDEV)


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A commit of a repository; `above` is the path of its work tree in the outermost one.

    `here` tells whether its work tree is there, `known` whether the commit is: if not, its files are those that are
    checked out now, and each counts as changed.
    """

    repository: Repository
    commit: str
    above: str = ""
    here: bool = True
    known: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """A path of a revision: git's mode, the name of its object, and the commit that has it."""

    mode: str
    name: str
    origin: Origin = field(repr=False)

    @property
    def is_file(self) -> bool:
        """Whether it is a file with content of its own."""
        return self.mode not in (LINK, SUBMODULE)


class Revision:
    """The files of a commit; close it, for it holds processes of git that read objects."""

    def __init__(self, root: str, text: str, repository: Repository, shipped: str = "") -> None:
        self.root, self.text, self.repository = os.path.realpath(root), text, repository
        self.commit = commit = _named(repository, text)
        inner = os.path.relpath(self.root, repository.top)
        self.prefix = "" if inner == "." else inner + "/"
        self.entries: dict[str, Entry] = {}
        self.not_checked_out: list[str] = []
        self._origins = [Origin(repository, commit)]
        self._changed: dict[Origin, set[str]] = {}
        self._modes = repository.setting("core.fileMode", True)
        self._links = repository.setting("core.symlinks", True)
        tools = os.path.relpath(shipped, repository.top) if shipped else ".."
        folders = (
            (self.prefix, tools) if self.prefix and not tools.startswith("..") else (self.prefix,)
        )
        self._list(folders if self.prefix else ())

    @classmethod
    def find(cls, root: str, text: str, shipped: str = "") -> Revision:
        """The commit that a user names; `A...` is where HEAD left A. BuildError when there is none.

        `shipped` is the folder of shipped tools, which may be part of the repository.
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
        """Put the names of the workspace's files into an empty folder, and the content of each BUILD.toml.

        BuildError for a tree with two entries of one name, which no git makes.
        """
        inside = {
            path.removeprefix(self.prefix): entry
            for path, entry in self.entries.items()
            if path.startswith(self.prefix)
        }
        try:
            write_entries(folder, inside, self.root if self._links else None)
        except (FileExistsError, NotADirectoryError) as fault:
            name = os.path.relpath(fault.filename2 or fault.filename, folder)
            raise BuildError(
                f"the tree of {self.commit[:12]} has two entries {name!r}",
                None,
                "`git fsck` tells more",
                "broken",
            ) from None

    def fill(self, folder: str, names: Iterable[str]) -> None:
        """Write the content of some files of the workspace."""
        for name in names:
            entry = self.entries.get(self.prefix + name)
            if entry is not None and entry.is_file:
                target = os.path.join(folder, name)
                with suppress(FileNotFoundError):
                    os.unlink(target)  # its bytes are those of all empty files
                with open(target, "xb") as file:
                    file.write(entry.origin.repository.content(entry.name))

    def digest(self, path: str) -> tuple[Digest, bool] | None:
        """(digest, executable) of a file by its path in the repository; None when it has no such file."""
        entry = self.entries.get(path)
        if entry is None or not (entry.is_file or (entry.mode == LINK and not self._links)):
            return None
        if not entry.origin.known:
            return Digest.of(
                f"{entry.origin.commit} {path}".encode(errors="surrogateescape")
            ), entry.mode == PROGRAM
        return entry.origin.repository.digest(entry.name), entry.mode == PROGRAM

    def is_unchanged(self, path: str) -> bool:
        """Whether the work tree's file at a path is this revision's, as git would store it after its filters.

        Filters are line ends and large files, for example: git makes another content of the same object.
        """
        entry = self.entries.get(path)
        if entry is None or not entry.is_file or not (entry.origin.here and entry.origin.known):
            return False
        origin = entry.origin
        if origin not in self._changed:
            self._changed[origin] = origin.repository.changed(origin.commit)
        inner = path.removeprefix(origin.above)
        return (
            inner not in self._changed[origin] or origin.repository.stored_as(inner) == entry.name
        )

    def keeps_modes(self) -> bool:
        """Whether git keeps the modes of files here; some file systems have none."""
        return self._modes

    def skipped(self) -> dict[str, Entry]:
        """The files of the workspace that the index has and a sparse checkout leaves out, as the index has them."""
        found = {}
        for origin in self._origins:
            for path, one in origin.repository.index().items() if origin.here else ():
                full = origin.above + path
                if (
                    one.tag in "Ss"
                    and full.startswith(self.prefix)
                    and not os.path.lexists(self._path(full))
                ):
                    found[full.removeprefix(self.prefix)] = Entry(one.mode, one.name, origin)
        return found

    def ignored(self, names: Iterable[str]) -> list[str]:
        """Those of some files of the workspace that git ignores, and that the revision has not."""
        paths = [path for name in names if (path := self.prefix + name) not in self.entries]
        found: set[str] = set()
        for origin in reversed(self._origins):  # inner ones last, and so first here
            mine = [path for path in paths if path.startswith(origin.above)]
            paths = [path for path in paths if not path.startswith(origin.above)]
            if origin.here:
                inner = origin.repository.ignored(
                    [path.removeprefix(origin.above) for path in mine]
                )
                found |= {origin.above + path for path in inner}
        return sorted(path.removeprefix(self.prefix) for path in found)

    def _path(self, path: str) -> str:
        return os.path.join(self.repository.top, path)

    def _list(self, folders: tuple[str, ...]) -> None:
        found = self.repository.tree(self.commit, folders)
        if found is None:
            raise _unknown(self.repository, f"git cannot list {self.commit[:12]}", self.commit)
        waiting = [(self._origins[0], found)]
        while waiting:
            origin, listed = waiting.pop()
            for path, mode, name in listed:
                full = origin.above + path
                self.entries[full] = Entry(mode, name, origin)
                if mode == SUBMODULE and (inner := self._submodule(full, name, origin)):
                    self._origins.append(inner)
                    waiting.append((inner, self._files(inner)))

    def _files(self, origin: Origin) -> Iterator[tuple[str, str, str]]:
        """The files of a submodule's commit, or of what is checked out instead when that commit is not here."""
        found = origin.repository.tree(origin.commit) or origin.repository.tree("HEAD")
        return found or iter(())

    def _submodule(self, path: str, commit: str, outer: Origin) -> Origin | None:
        """The commit of a submodule; None when it is not checked out, or its repository is not here."""
        work = self._path(path)
        if os.path.lexists(os.path.join(work, ".git")):
            repository = Repository(os.path.realpath(work))
            known = outer.known and repository.commit(commit) is not None
            return Origin(repository, commit, f"{path}/", known=known)
        inner = path.removeprefix(outer.above)
        now = outer.repository.index().get(inner) if outer.here else None
        if now is not None and now.mode == SUBMODULE:
            self.not_checked_out.append(
                path
            )  # what is not checked out is not gone: no state of it counts
            return None
        folder = outer.repository.folder_of_submodule(outer.commit, inner)
        stored = Repository(folder, bare=True) if folder else None
        if stored is None or stored.commit(commit) is None:
            return None
        return Origin(stored, commit, f"{path}/", here=False, known=outer.known)


def write_entries(folder: str, entries: Mapping[str, Entry], root: str | None) -> None:
    """Write names into a folder, and the content of each BUILD.toml; FileExistsError where two want one place.

    Links into the workspace's `root` become links into the folder; without a root links are written as plain files.
    """
    writer = _Writer(folder, root)
    # Links come last, so that nothing is ever written through one.
    for name, entry in sorted(entries.items(), key=lambda pair: (pair[1].mode == LINK, pair[0])):
        if any(part in ("", ".", "..", ".git") for part in name.split("/")):
            continue
        try:
            writer.write(os.path.join(folder, name), entry)
        except OSError as fault:
            if fault.errno != errno.ENAMETOOLONG:  # no work tree can hold it either
                raise


class _Writer:
    """Writes entries into a folder. Empty files are names of one file: to make a file costs five times as much."""

    def __init__(self, folder: str, root: str | None) -> None:
        self._folder, self._root = folder, root
        self._made = {folder}
        self._empty, self._count = "", 0

    def write(self, target: str, entry: Entry) -> None:
        """Write one entry."""
        parent = target if entry.mode == SUBMODULE else os.path.dirname(target)
        if parent not in self._made:
            os.makedirs(parent, exist_ok=True)
            self._made.add(parent)
        root = self._root
        to = (
            os.fsdecode(entry.origin.repository.content(entry.name))
            if entry.mode == LINK and root is not None
            else ""
        )
        if root is not None and to and "\0" not in to:
            os.symlink(
                self._folder + to[len(root) :] if f"{to}/".startswith(f"{root}/") else to, target
            )
        elif os.path.basename(target) == BUILD and entry.mode != SUBMODULE:
            with open(target, "xb") as file:
                file.write(entry.origin.repository.content(entry.name))
        elif entry.mode != SUBMODULE:
            self._name(target)

    def _name(self, target: str) -> None:
        try:
            os.link(self._empty or self._next(), target)
        except OSError as fault:
            if fault.errno not in _NO_MORE_LINKS:
                raise
            try:
                os.link(self._next(), target)
            except OSError:
                os.close(
                    os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
                )

    def _next(self) -> str:
        self._count += 1
        self._empty = f"{self._folder}.empty{self._count}"
        os.close(os.open(self._empty, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        return self._empty


def _named(repository: Repository, text: str) -> str:
    """The commit that a user names; `A...` and `A...B` are where B, or HEAD, left A."""
    since, dots, tail = text.partition("...")
    commit = _resolve(repository, since if since or not dots else "HEAD")
    if not dots:
        return commit
    found = repository.run("merge-base", commit, _resolve(repository, tail or "HEAD"))
    if found.returncode:
        raise _unknown(repository, f"{text!r} has no merge base", since)
    return found.stdout.decode().strip()


def _resolve(repository: Repository, text: str) -> str:
    found = repository.commit(text)
    if found is None:
        raise _unknown(repository, f"git knows no revision {text!r}", text)
    return found


def _unknown(repository: Repository, what: str, text: str) -> BuildError:
    """A revision that is not here: in a shallow clone it may only not have been fetched."""
    name = text.removeprefix("origin/")
    plain = bool(name) and not set(name) & set("~^@{}: ") and ".." not in name
    if repository.run("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        only = f", or only what is compared: `git fetch --depth=1 origin {name}`" if plain else ""
        return BuildError(
            f"{what}: this clone is shallow", None, f"`git fetch --unshallow`{only}", "usage"
        )
    if repository.commit("HEAD") is None and name.startswith("HEAD"):
        return BuildError(
            f"{what}: HEAD has no commit yet",
            None,
            "commit something first, or name another branch; `buildgraph build //...` builds everything",
            "usage",
        )
    if ".." in text and "..." not in text:
        return BuildError(
            what,
            None,
            "name one revision, which is compared with the work tree; `main...` is where HEAD "
            "left main",
            "usage",
        )
    hint = did_you_mean(text, sorted(_names(repository)))
    fetch = f"`git fetch origin{f' {name}' if plain else ''}`"
    return BuildError(
        what,
        None,
        f"{hint.removesuffix('?')}? If not: {fetch}" if hint else f"{fetch}, or check the spelling",
        "usage",
    )


def _names(repository: Repository) -> Iterator[str]:
    """The branches and tags of a repository."""
    found = repository.run(
        "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags"
    )
    yield from found.stdout.decode(errors="replace").split("\n")[:-1]
