"""The folder a command runs in: verified, read-only copies of its inputs and nothing else."""

from __future__ import annotations

import os

from ..keys.reapi import decode_directory
from ..lite import TYPE_CHECKING
from ..store.protocol import Store
from ..types.errors import BuildError
from ..types.result import File, Node, Tree
from .collect_outputs import is_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_DEPTH = 64


def stage(
    root: str,
    inputs: Sequence[tuple[str, Node]],
    store: Store,
    there: Iterable[str] = (),
    create: Callable[[str], int] | None = None,
) -> None:
    """Place files and trees at their paths below `root`, a folder that may hold others already, such as `out`.

    Folders that are `there`, given relative to `root`, take inputs; no other that exists does. `create` makes files.

    Missing passes through; BuildError (reason "rule") on a path that leaves `root`, is taken or lies in what is.
    """
    stager = _Stager(root, store, there, create)
    for path, node in inputs:
        _check(path)
        stager.folder(os.path.dirname(path))
        stager.node(path, node)


class _Stager:
    def __init__(
        self, root: str, store: Store, there: Iterable[str], create: Callable[[str], int] | None
    ) -> None:
        self._root, self._store, self._create = root, store, create
        self._folders = {"", *there}

    def folder(self, path: str) -> None:
        if path in self._folders:
            return
        self.folder(os.path.dirname(path))
        self._make(path)
        self._folders.add(path)

    def node(self, path: str, node: Node) -> None:
        if isinstance(node, File):
            self._file(path, node)
        else:
            self._make(path)
            self._tree(path, node, 0)

    def _file(self, path: str, node: File) -> None:
        try:
            self._store.place(node.digest, f"{self._root}/{path}", node.executable, self._create)
        except FileExistsError:
            raise _taken(path) from None

    def _make(self, path: str) -> None:
        try:
            os.mkdir(os.path.join(self._root, path), 0o755)
        except FileExistsError:
            raise _taken(path) from None

    def _tree(self, path: str, node: Tree, depth: int) -> None:
        try:
            folder = decode_directory(self._store.read(node.digest))
        except ValueError as fault:
            raise BuildError(
                f"the tree staged at {path!r} is damaged: {fault}", None, "", "broken"
            ) from None
        if depth > _DEPTH or not all(is_inside(target, depth) for _, target in folder.symlinks):
            raise BuildError(
                f"the tree staged at {path!r} is too deep, or a symlink leaves it",
                None,
                "",
                "broken",
            )
        for name, digest, executable in folder.files:
            self._file(f"{path}/{name}", File(digest, executable))
        for name, target in folder.symlinks:
            os.symlink(target, os.path.join(self._root, path, name))
        for name, digest in folder.directories:
            self._make(f"{path}/{name}")
            self._tree(f"{path}/{name}", Tree(digest), depth + 1)


def _check(path: str) -> None:
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise BuildError(
            f"an input cannot be staged at {path!r}",
            None,
            "use a relative path without '..'",
            "rule",
        )


def _taken(path: str) -> BuildError:
    return BuildError(
        f"two inputs are staged at {path!r}, or one beneath the other, or below out/",
        None,
        "give one of them another path",
        "rule",
    )
