"""A revision of the workspace read from git's objects: names in a folder apart, content when it is asked for.

Neither the work tree nor the index is touched. A file is written empty, for analysis looks at names only; BUILD.toml
and files of rules are filled.
"""
from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from .digest import Digest
from .errors import BuildError
from .root import BUILD

_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
_LINK, _FOLDER, _PROGRAM = "120000", "160000", "100755"


@dataclass(frozen=True, slots=True)
class Entry:
    """A path of a revision: git's mode and the name of its object."""

    mode: str
    name: str


class Revision:
    """The files of a commit; close it, for it holds a process of git that reads objects."""

    def __init__(self, root: str, commit: str, top: str) -> None:
        self.root, self.commit, self.top = root, commit, top
        inner = os.path.relpath(os.path.realpath(root), top)
        self.prefix = "" if inner == "." else inner + "/"
        self.entries = dict(_listed(root, commit))
        self._known: dict[str, Digest] = {}
        self._reader: subprocess.Popen[bytes] | None = None

    @classmethod
    def find(cls, root: str, text: str) -> Revision:
        """The commit that a user names; `A...` is where HEAD left A. BuildError when there is none."""
        top = _top(root)
        since, _, tail = text.partition("...")
        commit = _resolve(root, since if since or "..." not in text else "HEAD")
        if "..." in text:
            found = _git(root, "merge-base", commit, _resolve(root, tail or "HEAD"))
            if found.returncode:
                raise _unknown(root, f"{text!r} has no merge base", since)
            commit = found.stdout.decode().strip()
        return cls(root, commit, top)

    def __enter__(self) -> Revision:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._reader is not None:
            self._reader.communicate()

    def write(self, folder: str) -> None:
        """Put the names of the workspace's files into an empty folder, and the content of each BUILD.toml.

        BuildError for a tree with two entries of one name, which no git makes.
        """
        inside = {path.removeprefix(self.prefix): entry for path, entry in self.entries.items()
                  if path.startswith(self.prefix)}
        # Links come last, so that nothing is ever written through one.
        for name, entry in sorted(inside.items(), key=lambda pair: (pair[1].mode == _LINK, pair[0])):
            if not any(part in ("", ".", "..", ".git") for part in name.split("/")):
                try:
                    self._write(os.path.join(folder, name), entry)
                except (FileExistsError, NotADirectoryError):
                    raise BuildError(f"the tree of {self.commit[:12]} has two entries {name!r}", None,
                                     "`git fsck` tells more", "broken") from None

    def _write(self, target: str, entry: Entry) -> None:
        os.makedirs(target if entry.mode == _FOLDER else os.path.dirname(target), exist_ok=True)
        if entry.mode == _LINK:
            os.symlink(os.fsdecode(self._content(entry)), target)
        elif entry.mode != _FOLDER:
            with open(target, "xb") as file:
                file.write(self._content(entry) if os.path.basename(target) == BUILD else b"")

    def fill(self, folder: str, names: Iterable[str]) -> None:
        """Write the content of some files of the workspace."""
        for name in names:
            entry = self.entries.get(self.prefix + name)
            if entry is not None and entry.mode not in (_LINK, _FOLDER):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(self._content(entry))

    def digest(self, path: str) -> tuple[Digest, bool] | None:
        """(digest, executable) of a file by its path in the repository; None when it has no such file.

        A file of the work tree that git would store as this very object counts as the same, whatever filters (line
        ends, large files) made of it.
        """
        entry = self.entries.get(path)
        if entry is None or entry.mode in (_LINK, _FOLDER):
            return None
        if entry.name not in self._known:
            self._known[entry.name] = self._hash(entry)
        return self._known[entry.name], entry.mode == _PROGRAM

    def stands(self, path: str) -> bool:
        """Whether the work tree's file at a path of the repository is this revision's, as git would store it."""
        found = _git(self.top, "hash-object", f"--path={path}", "--", os.path.join(self.top, path))
        entry = self.entries.get(path)
        return entry is not None and found.stdout.decode().strip() == entry.name

    def _open(self, entry: Entry) -> tuple[IO[bytes], int]:
        if self._reader is None:
            self._reader = subprocess.Popen(["git", "-C", self.root, "cat-file", "--batch"], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, env=_environment())
        assert self._reader.stdin is not None and self._reader.stdout is not None
        self._reader.stdin.write(f"{entry.name}\n".encode())
        self._reader.stdin.flush()
        words = self._reader.stdout.readline().split()
        if len(words) != 3:
            raise _unknown(self.root, f"git has no object {entry.name[:12]} of {self.commit[:12]}", self.commit)
        return self._reader.stdout, int(words[2])

    def _content(self, entry: Entry) -> bytes:
        stream, size = self._open(entry)
        data = stream.read(size)
        stream.read(1)
        return data

    def _hash(self, entry: Entry) -> Digest:
        stream, size = self._open(entry)
        sha, left = hashlib.sha256(), size
        while left:
            data = stream.read(min(left, 1 << 20))
            if not data:
                raise BuildError(f"git ended while it read {entry.name[:12]}", reason="environment")
            sha.update(data)
            left -= len(data)
        stream.read(1)
        return Digest(sha.hexdigest(), size)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OWN}
    return kept | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _git(root: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", root, *words], env=_environment(), capture_output=True, check=False)
    except FileNotFoundError:
        raise BuildError("git is not installed", None, "install git: the base is read from its objects",
                         "environment") from None


def _top(root: str) -> str:
    found = _git(root, "rev-parse", "--show-toplevel")
    if found.returncode:
        said = found.stderr.decode(errors="replace").strip().splitlines() or ["git says nothing"]
        raise BuildError(f"the workspace is in no git repository that can be read: {said[0]}", None,
                         "affected compares with a revision of git", "usage")
    return os.path.realpath(os.fsdecode(found.stdout.rstrip(b"\n")))


def _resolve(root: str, text: str) -> str:
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")
    if found.returncode:
        raise _unknown(root, f"git knows no revision {text!r}", text)
    return found.stdout.decode().split()[-1]


def _unknown(root: str, what: str, text: str) -> BuildError:
    """A revision that is not here: in a shallow clone it may only not have been fetched."""
    name = text.removeprefix("origin/")
    plain = bool(name) and not set(name) & set("~^@{}: ")
    if _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        only = f", or only what is compared: `git fetch --depth=1 origin {name}`" if plain else ""
        return BuildError(f"{what}: this clone is shallow", None, f"`git fetch --unshallow`{only}", "usage")
    return BuildError(what, None, f"`git fetch origin{f' {name}' if plain else ''}`, or check the spelling", "usage")


def _listed(root: str, commit: str) -> Iterable[tuple[str, Entry]]:
    found = _git(root, "ls-tree", "-r", "-z", "--full-tree", commit)
    if found.returncode:
        raise _unknown(root, f"git cannot list {commit[:12]}", commit)
    for line in found.stdout.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _, name = head.decode().split()
        yield os.fsdecode(path), Entry(mode, name)
