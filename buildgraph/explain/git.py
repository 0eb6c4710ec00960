"""Run git on a work tree: read commits, trees, objects and the index.

Commands that only read leave everything as it is; `release` also writes objects and refs.

No hook, pager, alias, external diff or file system monitor runs. Settings that influence the
content of files (line ends, filters, file modes) stay as the user configured them.
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
# Git sets these for its hooks. They would select another repository, index or set of paths.
_HOOK_VARIABLES = (
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
class IndexEntry:
    """A file of git's index: its mode, the name of its object, and its tag (`S`: not checked out).

    The tags are those of `git ls-files -v`.
    """

    mode: str
    name: str
    tag: str


class Repository:
    """A repository and its work tree. Close it: it keeps git processes that read objects."""

    def __init__(self, top: str, bare: bool = False) -> None:
        """Open the work tree `top`; if `bare`, a repository folder without a work tree."""
        self.top = top
        self._where = ("--git-dir=.", "--work-tree=.") if bare else ()
        self._objects: subprocess.Popen[bytes] | None = None
        self._paths: subprocess.Popen[bytes] | None = None
        self._known: dict[str, Digest] = {}
        self._index: dict[str, IndexEntry] | None = None

    @classmethod
    def around(cls, folder: str) -> Repository:
        """Find the repository of a folder in a work tree; raise BuildError if there is none."""
        ran = run(folder, "rev-parse", "--show-toplevel")
        if ran.returncode:
            lines = ran.stderr.decode(errors="replace").strip().splitlines()
            why = lines[0] if lines else "git printed no reason"
            fix = "`git init`, and commit the workspace: this verb reads its commits"
            if "dubious ownership" in why:
                fix = f"if you trust its owner: `git config --global --add safe.directory {folder}`"
            raise BuildError(
                f"the workspace is in no git repository that can be read: {why}", None, fix, "usage"
            )
        return cls(os.path.realpath(os.fsdecode(ran.stdout.rstrip(b"\n"))))

    def run(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a git command in this work tree and wait for it."""
        return run(self.top, *self._where, *words, stdin=stdin)

    def commit(self, text: str) -> str | None:
        """Return the hash of the commit that a text names; None if there is none."""
        if not text:
            return None
        ran = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")
        return ran.stdout.decode().split()[-1] if not ran.returncode else None

    def tree(
        self, commit: str, folders: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, str, str]] | None:
        """Yield (path, mode, object) of each file of a commit; None if git cannot read it.

        With `folders`, only files below them.
        """
        ran = self.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *folders)
        return _entries(ran.stdout) if not ran.returncode else None

    def index(self) -> dict[str, IndexEntry]:
        """Return the files of the index by path."""
        if self._index is None:
            self._index = {}
            for line in self.run("ls-files", "-s", "-v", "-z").stdout.split(b"\0")[:-1]:
                head, _, path = line.partition(b"\t")
                tag, mode, name, _ = head.decode().split()
                self._index[os.fsdecode(path)] = IndexEntry(mode, name, tag)
        return self._index

    def changed(self, commit: str) -> set[str]:
        """Return the files that may differ from a commit, unless the index proves them equal."""
        ran = self.run(
            "diff-index",
            "--name-only",
            "-z",
            "--no-renames",
            "--ignore-submodules=all",
            commit,
            "--",
        )
        names = {os.fsdecode(name) for name in ran.stdout.split(b"\0")[:-1]}
        if ran.returncode:
            return set(self.index()) | names
        # Git does not check files with the flags assume-unchanged and skip-worktree.
        return names | {path for path, entry in self.index().items() if entry.tag != "H"}

    def differences(self, commit: str) -> dict[str, tuple[str, str, str]] | None:
        """Map files that may differ from a commit to (status, mode there, mode now); None: failed.

        The status is that of `git diff-index`: M, A, D, T or U.
        """
        ran = self.run("diff-index", "--raw", "-z", "--no-renames", "--no-abbrev", commit, "--")
        words = ran.stdout.decode(errors="surrogateescape").split("\0")[:-1]
        if ran.returncode:
            return None
        heads = (head.removeprefix(":").split() for head in words[::2])
        rows = [(status, before, now) for before, now, _, _, status in heads]
        return dict(zip(words[1::2], rows, strict=True))

    def untracked(self) -> list[str] | None:
        """Return the untracked files, without the ignored ones; None if git cannot list them."""
        ran = self.run("ls-files", "--others", "--exclude-standard", "-z")
        if ran.returncode:
            return None
        return ran.stdout.decode(errors="surrogateescape").split("\0")[:-1]

    def ignored(self, paths: list[str]) -> set[str]:
        """Return those of some paths that git ignores and does not track."""
        if not paths:
            return set()
        data = b"".join(os.fsencode(path) + b"\0" for path in paths)
        ran = subprocess.run(
            _command(self.top, "check-ignore", "-z", "--stdin"),
            env=_environment(),
            input=data,
            capture_output=True,
            check=False,
        )
        return {os.fsdecode(path) for path in ran.stdout.split(b"\0")[:-1]}

    def setting(self, name: str, default: bool) -> bool:
        """Return a boolean of git's configuration."""
        value = self.run("config", "--type=bool", "--get", name).stdout.strip()
        return value == b"true" if value else default

    def folder_of_submodule(self, commit: str, path: str) -> str | None:
        """Return the repository of a submodule that a commit has at a path; None if absent."""
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
                ran = self.run("rev-parse", "--git-path", f"modules/{name}")
                inner = os.fsdecode(ran.stdout.removesuffix(b"\n"))
                folder = os.path.realpath(os.path.join(self.top, inner))
                return folder if ".." not in name.split("/") and os.path.isdir(folder) else None
        return None

    def close(self) -> None:
        """End the processes that read objects."""
        for process in (self._objects, self._paths):
            if process is not None:
                process.communicate()
        self._objects = self._paths = None

    def content(self, name: str) -> bytes:
        """Return the bytes of an object; raise BuildError if the repository does not have it."""
        stream, size = self._open(name)
        data = stream.read(size)
        stream.read(1)
        return data

    def digest(self, name: str) -> Digest:
        """Return the SHA-256 and size of an object; raise BuildError if it is missing."""
        if name not in self._known:
            stream, size = self._open(name)
            sha, rest = hashlib.sha256(), size
            while rest:
                data = stream.read(min(rest, 1 << 20))
                if not data:
                    raise BuildError(f"git exited while it read {name[:12]}", reason="environment")
                sha.update(data)
                rest -= len(data)
            stream.read(1)
            self._known[name] = Digest(sha.hexdigest(), size)
        return self._known[name]

    def stored_as(self, path: str) -> str:
        """Return the object that git would store for a file of the work tree, after its filters.

        Returns '' if git cannot read the file or a filter fails.
        """
        if self._paths is None:
            self._paths = self._start("hash-object", "--stdin-paths")
        assert self._paths.stdin is not None and self._paths.stdout is not None
        try:
            self._paths.stdin.write(_quoted(path) + b"\n")
            self._paths.stdin.flush()
            name = self._paths.stdout.readline().decode().strip()
        except BrokenPipeError:
            name = ""
        if not name:  # git exits at a file whose filter fails
            process, self._paths = self._paths, None
            process.kill()
            process.wait()
        return name

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
                "run `git fsck` to see what is missing, and `git fetch` it",
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


def run(folder: str, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a git command in a folder and wait for it; raise BuildError if git is not installed."""
    try:
        return subprocess.run(
            _command(folder, *words),
            env=_environment(),
            input=stdin,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise BuildError(
            "git is not installed",
            None,
            "install git: this verb reads commits",
            "environment",
        ) from None


def _command(folder: str, *words: str) -> list[str]:
    return ["git", "-C", folder, *_SAFE, *words]


def _environment() -> dict[str, str]:
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in _HOOK_VARIABLES and not name.startswith("GIT_TRACE")
    }
    return env | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _entries(listed: bytes) -> Iterator[tuple[str, str, str]]:
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _, name = head.decode().split()
        yield os.fsdecode(path), mode, name


def _quoted(path: str) -> bytes:
    """Quote a path for a line of git's input."""
    data = os.fsencode(path)
    if b"\n" not in data and not data.startswith(b'"'):
        return data
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
