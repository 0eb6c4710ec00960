"""What decides what a request comes to: files by their content, and folders by the names in them."""
from __future__ import annotations

import os

from .digest import Digest
from .noun import noun
from .source import hash_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_OURS = frozenset({"out", ".buildgraph"})   # what builds make in the root of a workspace


@noun(eq=False)
class Basis:
    """The paths of BUILD files, rules and folders that were looked at; of each folder the names that are the user's.

    `held` is what the files held when they were read, by their paths in the workspace: they may hold something else by now.
    """

    root: str
    paths: tuple[str, ...]
    folders: dict[str, frozenset[str]]
    held: Mapping[str, Digest]

    def lists_as_before(self, path: str) -> bool:
        """Whether a path is such a folder and holds the names that it held."""
        return path in self.folders and _lists(self.root, path, self.folders[path])

    def files(self) -> list[str]:
        """Words: each file, relative to the root, with its digest."""
        names = sorted({os.path.relpath(path, self.root) for path in self.paths if path not in self.folders})
        return [word for name in names for word in (name, str(self.held[name]))]

    def listed(self) -> list[str]:
        """Words: each folder, relative to the root, with its names."""
        return [word for folder, names in self.folders.items()
                for word in (os.path.relpath(folder, self.root), str(len(names)), *sorted(names))]


def basis_of(root: str, files: Sequence[str], listed: Sequence[str]) -> Basis | None:
    """The basis that was written down in words, or None when it is another one here."""
    folders = {os.path.normpath(os.path.join(root, folder)): frozenset(names) for folder, names in folders_of(listed).items()}
    if not all(_holds(os.path.join(root, name), digest) for name, digest in zip(files[::2], files[1::2])):
        return None
    if not all(_lists(root, folder, names) for folder, names in folders.items()):
        return None
    return Basis(root, tuple(os.path.normpath(os.path.join(root, path)) for path in (*files[::2], *folders)), folders,
                 {name: Digest.parse(digest) for name, digest in zip(files[::2], files[1::2])})


def folders_of(said: Sequence[str]) -> dict[str, Sequence[str]]:
    """Folders and the names in each, from words: folder, count, names."""
    found, at = {}, 0
    while at < len(said):
        count = int(said[at + 1])
        found[said[at]] = said[at + 2:at + 2 + count]
        at += 2 + count
    return found


def users_own(root: str, folder: str, names: Iterable[str]) -> frozenset[str]:
    """The names in a folder but for those that builds make."""
    return frozenset(names) - _OURS if folder == root else frozenset(names)


def _holds(path: str, digest: str) -> bool:
    """Whether a file has this digest; the size is looked at first, for who hashes a giant waits long."""
    return (os.path.isfile(path) and os.path.getsize(path) == Digest.parse(digest).size
            and str(hash_file(path)) == digest)


def _lists(root: str, folder: str, names: frozenset[str]) -> bool:
    try:
        return users_own(root, folder, os.listdir(folder)) == names
    except OSError:
        return False
