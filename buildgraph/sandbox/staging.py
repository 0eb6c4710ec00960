"""Staging: create the folder of a command, with verified, read-only copies of its inputs."""

from __future__ import annotations

import os

from ..keys.merkle_walk import is_inside, walk_tree
from ..lite import TYPE_CHECKING
from ..store.protocol import Store
from ..types.errors import BuildError
from ..types.result import File, Node, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..keys.reapi import Directory
    from ..types.digest import Digest

_MAX_DEPTH = 64  # folders below the top of a tree


def stage(
    root: str,
    inputs: Sequence[tuple[str, Node]],
    store: Store,
    there: Iterable[str] = (),
    create: Callable[[str], int] | None = None,
    *,
    take: Callable[[str, File], bool] = lambda path, file: False,
) -> None:
    """Place files and trees at their paths below the folder `root`.

    `there` are existing folders, relative to `root`, in which inputs may be placed; any other path
    that exists is an error. `create`, where it is set, creates files as in `Store.place`. `take`
    may place a file in another way than by a copy from the store, and returns True if it did.

    Missing passes through. BuildError for a path that leaves `root`, for two inputs at one path
    (both reason "rule"), and for a damaged tree (reason "broken").
    """
    stager = _Stager(root, store, there, create)
    stager.take = take
    for path, node in inputs:
        _check_path(path)
        stager.make_parents(os.path.dirname(path))
        stager.place(path, node)


class _Stager:
    def __init__(
        self, root: str, store: Store, there: Iterable[str], create: Callable[[str], int] | None
    ) -> None:
        self._root, self._store, self._create = root, store, create
        self._folders = {"", *there}
        self.take: Callable[[str, File], bool] = lambda path, file: False

    def make_parents(self, path: str) -> None:
        """Create a folder and its parents, unless they exist."""
        if path in self._folders:
            return
        self.make_parents(os.path.dirname(path))
        self._make_folder(path)
        self._folders.add(path)

    def place(self, path: str, node: Node) -> None:
        """Place a file or a tree at a path."""
        if isinstance(node, File):
            self._place_file(path, node)
        else:
            self._place_tree(path, node)

    def _place_file(self, path: str, node: File) -> None:
        if self.take(path, node):
            return
        try:
            self._store.place(node.digest, f"{self._root}/{path}", node.executable, self._create)
        except FileExistsError:
            raise _conflict(path) from None

    def _make_folder(self, path: str) -> None:
        try:
            os.mkdir(os.path.join(self._root, path), 0o755)
        except FileExistsError:
            raise _conflict(path) from None

    def _place_tree(self, top: str, tree: Tree) -> None:
        paths = {tree.digest: top}  # of folders to be read, for errors
        path = top

        def read(digest: Digest) -> bytes:
            nonlocal path
            path = paths[digest]
            return self._store.read(digest)

        self._make_folder(top)
        try:
            for below, _, folder in walk_tree(tree.digest, read):
                self._place_entries(top + below, folder, depth=below.count("/"))
                paths |= {digest: f"{top}{below}/{name}" for name, digest in folder.directories}
        except ValueError as error:
            raise BuildError(
                f"the tree staged at {path!r} is damaged: {error}", None, "", "broken"
            ) from None

    def _place_entries(self, path: str, folder: Directory, depth: int) -> None:
        """Place the files and symlinks of a folder, and create its folders."""
        if depth > _MAX_DEPTH or not all(is_inside(link, depth) for _, link in folder.symlinks):
            raise BuildError(
                f"the tree staged at {path!r} is too deep, or a symlink leaves it",
                None,
                "",
                "broken",
            )
        for name, digest, executable in folder.files:
            self._place_file(f"{path}/{name}", File(digest, executable))
        for name, target in folder.symlinks:
            os.symlink(target, os.path.join(self._root, path, name))
        for name, _ in folder.directories:
            self._make_folder(f"{path}/{name}")


def _check_path(path: str) -> None:
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise BuildError(
            f"an input cannot be staged at {path!r}",
            None,
            "use a relative path without '..'",
            "rule",
        )


def _conflict(path: str) -> BuildError:
    return BuildError(
        f"two inputs are staged at {path!r}, or one beneath the other, or below out/",
        None,
        "give one of them another path",
        "rule",
    )
