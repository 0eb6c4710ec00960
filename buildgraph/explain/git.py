"""Run git on one work tree: read commits, trees, objects and the index, and change nothing.

No hook, pager, alias, external diff or file system monitor runs. What decides the content of files (line ends, filters,
file modes) stays as the user configured it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from ..types.digest import Digest
from ..types.errors import BuildError

LINK, SUBMODULE, PROGRAM = "120000", "160000", "100755"
# Git sets these for its hooks; they would point every command at another repository, index or set of paths.
_NOT_KEPT = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_FLUSH",
    "GIT_SHALLOW_FILE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
)
_SAFE = (
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "core.checkStat=default",
    "-c",
    "core.trustctime=true",
    "-c",
    "core.ignoreStat=false",
    "-c",
    "core.quotePath=false",
)


@dataclass(frozen=True, slots=True)
class Indexed:
    """A file of git's index: its mode, its object, and git's letter for how it is treated (`S`: not checked out)."""

    mode: str
    name: str
    tag: str


class Repository:
    """A work tree of git; close it, because it keeps processes that read objects."""

    def __init__(self, top: str, bare: bool = False) -> None:
        """`bare`: `top` is the folder of a repository whose work tree is not there."""
        self.top = top
        self._where = ("--git-dir=.", "--work-tree=.") if bare else ()
        self._objects: subprocess.Popen[bytes] | None = None
        self._paths: subprocess.Popen[bytes] | None = None
        self._known: dict[str, Digest] = {}
        self._index: dict[str, Indexed] | None = None

    @classmethod
    def around(cls, folder: str) -> Repository:
        """The repository whose work tree holds a folder; BuildError when there is none that can be read."""
        found = run(folder, "rev-parse", "--show-toplevel")
        if found.returncode:
            said = found.stderr.decode(errors="replace").strip().splitlines() or [
                "git printed no reason"
            ]
            fix = "affected compares with a revision of git"
            if "dubious ownership" in said[0]:
                fix = f"if you trust its owner: `git config --global --add safe.directory {folder}`"
            raise BuildError(
                f"the workspace is in no git repository that can be read: {said[0]}",
                None,
                fix,
                "usage",
            )
        return cls(os.path.realpath(os.fsdecode(found.stdout.rstrip(b"\n"))))

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command of git in this work tree to its end."""
        return run(self.top, *self._where, *words)

    def commit(self, text: str) -> str | None:
        """The commit that a text names here; None when it names none."""
        if not text:
            return None
        found = self.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}"
        )
        return found.stdout.decode().split()[-1] if not found.returncode else None

    def tree(
        self, commit: str, folders: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, str, str]] | None:
        """(path, mode, object) of each file of a commit, below some folders only; None when git cannot read it."""
        found = self.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *folders)
        return _entries(found.stdout) if not found.returncode else None

    def index(self) -> dict[str, Indexed]:
        """The files of the index by path."""
        if self._index is None:
            self._index = {}
            for line in self.run("ls-files", "-s", "-v", "-z").stdout.split(b"\0")[:-1]:
                head, _, path = line.partition(b"\t")
                tag, mode, name, _ = head.decode().split()
                self._index[os.fsdecode(path)] = Indexed(mode, name, tag)
        return self._index

    def changed(self, commit: str) -> set[str]:
        """The files that may differ from a commit: all that git does not know to be equal by its index."""
        found = self.run(
            "diff-index",
            "--name-only",
            "-z",
            "--no-renames",
            "--ignore-submodules=all",
            commit,
            "--",
        )
        names = {os.fsdecode(name) for name in found.stdout.split(b"\0")[:-1]}
        if found.returncode:
            return set(self.index()) | names
        # Git does not look at files that it was asked to assume unchanged.
        return names | {path for path, one in self.index().items() if one.tag != "H"}

    def ignored(self, paths: list[str]) -> set[str]:
        """Those of some paths that git ignores and does not track."""
        if not paths:
            return set()
        data = b"".join(os.fsencode(path) + b"\0" for path in paths)
        found = subprocess.run(
            _command(self.top, "check-ignore", "-z", "--stdin"),
            env=_environment(),
            input=data,
            capture_output=True,
            check=False,
        )
        return {os.fsdecode(path) for path in found.stdout.split(b"\0")[:-1]}

    def setting(self, name: str, default: bool) -> bool:
        """A yes or no of git's configuration."""
        found = self.run("config", "--type=bool", "--get", name).stdout.strip()
        return found == b"true" if found else default

    def folder_of_submodule(self, commit: str, path: str) -> str | None:
        """Where the repository of a submodule is kept that a commit has at a path; None when it is not here."""
        words = (
            "config",
            "-z",
            f"--blob={commit}:.gitmodules",
            "--get-regexp",
            r"^submodule\..*\.path$",
        )
        for line in self.run(*words).stdout.split(b"\0"):
            key, _, value = line.partition(b"\n")
            if os.fsdecode(value) == path:
                name = os.fsdecode(key)[len("submodule.") : -len(".path")]
                found = self.run("rev-parse", "--git-path", f"modules/{name}").stdout.removesuffix(
                    b"\n"
                )
                folder = os.path.realpath(os.path.join(self.top, os.fsdecode(found)))
                return folder if ".." not in name.split("/") and os.path.isdir(folder) else None
        return None

    def close(self) -> None:
        """End the processes that read objects."""
        for process in (self._objects, self._paths):
            if process is not None:
                process.communicate()
        self._objects = self._paths = None

    def content(self, name: str) -> bytes:
        """The bytes of an object; BuildError when it is not here."""
        stream, size = self._open(name)
        data = stream.read(size)
        stream.read(1)
        return data

    def digest(self, name: str) -> Digest:
        """SHA-256 and size of an object."""
        if name not in self._known:
            stream, size = self._open(name)
            sha, rest = hashlib.sha256(), size
            while rest:
                data = stream.read(min(rest, 1 << 20))
                if not data:
                    raise BuildError(f"git ended while it read {name[:12]}", reason="environment")
                sha.update(data)
                rest -= len(data)
            stream.read(1)
            self._known[name] = Digest(sha.hexdigest(), size)
        return self._known[name]

    def stored_as(self, path: str) -> str:
        """The object that git would store a file of the work tree as, after its filters; empty when it cannot."""
        if self._paths is None:
            self._paths = self._start("hash-object", "--stdin-paths")
        assert self._paths.stdin is not None and self._paths.stdout is not None
        try:
            self._paths.stdin.write(_quoted(path) + b"\n")
            self._paths.stdin.flush()
            found = self._paths.stdout.readline().decode().strip()
        except BrokenPipeError:
            found = ""
        if not found:  # it ends at a file whose filter fails
            ended, self._paths = self._paths, None
            ended.kill()
            ended.wait()
        return found

    def _open(self, name: str) -> tuple[IO[bytes], int]:
        if self._objects is None:
            self._objects = self._start("cat-file", "--batch")
        assert self._objects.stdin is not None and self._objects.stdout is not None
        self._objects.stdin.write(f"{name}\n".encode())
        self._objects.stdin.flush()
        words = self._objects.stdout.readline().split()
        if len(words) != 3:
            raise BuildError(
                f"git has no object {name[:12]} in {self.top}",
                None,
                "`git fetch` what is missing; `git fsck` tells what that is",
                "usage",
            )
        return self._objects.stdout, int(words[2])

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            _command(self.top, *self._where, *words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )


def run(folder: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command of git in a folder to its end; BuildError when git is not installed."""
    try:
        return subprocess.run(
            _command(folder, *words),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise BuildError(
            "git is not installed",
            None,
            "install git: the base is read from its objects",
            "environment",
        ) from None


def _command(folder: str, *words: str) -> list[str]:
    return ["git", "-C", folder, *_SAFE, *words]


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_KEPT and not name.startswith("GIT_TRACE")
    }
    return kept | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _entries(listed: bytes) -> Iterator[tuple[str, str, str]]:
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _, name = head.decode().split()
        yield os.fsdecode(path), mode, name


def _quoted(path: str) -> bytes:
    """A path as git reads it from a line."""
    data = os.fsencode(path)
    if b"\n" not in data and not data.startswith(b'"'):
        return data
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
