"""The commit of a release: its facts, and the check that the build reads nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..explain.git import LINK, Repository
from ..explain.git_revision import Revision
from ..types.errors import BuildError
from ..ui.format import plural
from .documents import file_digest

_MAX_LINKS = 40
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its hash, the hash of its tree, its committer time (seconds since 1970).

    `folder` is the path of the workspace in the repository, '' for its top.
    """

    hash: str
    tree: str
    time: int
    folder: str

    def document(self, url: str) -> dict[str, Any]:
        """Return the `source` of `release.json`; `url` is the declared address, or ''."""
        facts = {"commit": self.hash, "tree": self.tree, "time": self.time, "folder": self.folder}
        return facts | ({"url": url} if url else {})


def head_commit(root: str, repository: Repository) -> Commit:
    """Return the commit of HEAD; raise BuildError if there is none."""
    ran = repository.run("log", "-1", "--no-show-signature", "--format=%H %T %ct", "HEAD")
    if ran.returncode:
        raise BuildError(
            "HEAD has no commit yet",
            None,
            "commit the workspace: a release names a commit",
            "dirty",
        )
    commit, tree, time = ran.stdout.decode().split()
    folder = os.path.relpath(os.path.realpath(root), repository.top)
    return Commit(commit, tree, int(time), "" if folder == "." else folder.replace(os.sep, "/"))


def check_tracked(repository: Repository) -> None:
    """Raise BuildError if a tracked file of the repository differs from HEAD."""
    ran = repository.run("status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames")
    paths = [os.fsdecode(line[3:]) for line in ran.stdout.split(b"\0") if line]
    if ran.returncode or paths:
        why = ran.stderr.decode(errors="replace").strip()
        raise _dirty(paths) if paths else BuildError(f"git status failed: {why}", reason="dirty")


def check_committed(root: str, sources: Iterable[str]) -> None:
    """Raise BuildError unless each source is a file of HEAD with the same content.

    `sources` are relative to the workspace. A file that git ignores, or does not check because of
    its flags, is refused like any other that a clone would not have.
    """
    with Revision.find(root, "HEAD") as revision:
        names = {name: os.path.normpath(f"{revision.prefix}{name}") for name in sources}
        wrong = [name for name, path in sorted(names.items()) if not _is_committed(revision, path)]
    if wrong:
        raise _dirty(wrong)


def check_unchanged(root: str, sources: Mapping[str, str]) -> None:
    """Raise BuildError if a source has another digest than the build read; reads every byte."""
    for name, digest in sorted(sources.items()):
        path = Path(root, name)
        if not path.is_file() or f"sha256:{file_digest(path)}" != digest:
            raise BuildError(
                f"{name} changed during the build, or without a new time stamp",
                None,
                "`touch` it, then run the command again",
                "broken",
            )


def _is_committed(revision: Revision, path: str) -> bool:
    for _ in range(_MAX_LINKS):
        entry = revision.entries.get(path)
        if entry is not None and entry.is_file:
            return revision.is_unchanged(path)
        link = _first_link(revision, path)
        if not link:
            return False
        target = revision.entries[link].content()
        full = os.path.join(revision.repository.top, link)
        if not os.path.islink(full) or os.fsencode(os.readlink(full)) != target:
            return False
        path = os.path.normpath(
            f"{os.path.dirname(link)}/{os.fsdecode(target)}{path[len(link) :]}".lstrip("/")
        )
    return False


def _first_link(revision: Revision, path: str) -> str:
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        above = "/".join(parts[:count])
        entry = revision.entries.get(above)
        if entry is not None and entry.mode == LINK:
            return above
    return ""


def _dirty(paths: list[str]) -> BuildError:
    names = ", ".join(paths[:_LISTED])
    more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return BuildError(
        f"{plural(len(paths), 'file')} of the release {'differs' if len(paths) == 1 else 'differ'} "
        f"from the commit: {names}{more}",
        None,
        "commit them, or restore them with `git stash --include-untracked`",
        "dirty",
    )
