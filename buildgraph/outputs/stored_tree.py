"""Folders that are outputs: the contents of a tree in the store, compared with a folder."""

from __future__ import annotations

import os
import stat

from ..keys.merkle_walk import walk_tree
from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..types.result import File, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..types.digest import Digest

FOLDER_MODE = 0o755


class TreeContents(Record, eq=False):
    """The contents of a tree by path. Paths begin with `/`; that of the tree itself is empty.

    A folder comes before its entries. `names` are the entries of each folder.
    """

    files: list[tuple[str, File]]
    links: list[tuple[str, str]]
    names: dict[str, set[str]]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.digest.size for _, file in self.files)


def tree_contents(tree: Tree, read: Callable[[Digest], bytes]) -> TreeContents:
    """The contents of a tree; `read` returns the bytes of a Directory message."""
    contents = TreeContents([], [], {})
    for path, _, folder in walk_tree(tree.digest, read):
        names = contents.names[path] = {name for name, _ in folder.directories}
        for name, content, executable in folder.files:
            contents.files.append((f"{path}/{name}", File(content, executable)))
            names.add(name)
        for name, target in folder.symlinks:
            contents.links.append((f"{path}/{name}", target))
            names.add(name)
    return contents


def has_contents(
    top: str,
    inside: TreeContents,
    file: Callable[[str, File], bool],
    folders: dict[str, os.stat_result],
) -> bool:
    """True if a folder has exactly these contents and modes; `file` compares one file.

    `folders` takes the stat of each folder from before its names are read. The walk goes from the
    top down, so it never follows a link.
    """
    try:
        for path, names in inside.names.items():
            status = folders[path] = os.lstat(top + path)
            if (
                not stat.S_ISDIR(status.st_mode)
                or status.st_mode & 0o777 != FOLDER_MODE
                or {*os.listdir(top + path)} != names
            ):
                return False
        return all(os.readlink(top + path) == target for path, target in inside.links) and all(
            file(top + path, content) for path, content in inside.files
        )
    except OSError:
        return False


def image_digest(path: str) -> str:
    """The manifest digest of an OCI layout; empty for anything else."""
    if not os.path.isfile(f"{path}/oci-layout"):
        return ""
    import json

    with open(f"{path}/index.json", "rb") as file:
        digest = str(json.load(file)["manifests"][0]["digest"])
    return digest if digest.isprintable() else ""
