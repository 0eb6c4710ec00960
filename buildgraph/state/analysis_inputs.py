"""Inputs of analysis: files by their content, and folders by their entries."""

from __future__ import annotations

import os
import stat

from ..files.stamp import Stamp, fingerprint, stamp_of
from ..lite import TYPE_CHECKING
from ..lite.record import record
from ..lite.sha256 import hash_open_file
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_OURS = frozenset(
    {"out", "out/", ".buildgraph", ".buildgraph/"}
)  # what builds make in the root of a workspace


@record(eq=False)
class AnalysisInputs:
    """The paths of BUILD files, rules and folders that were looked at; of each folder the entries that are the user's.

    `held` is what the files held when they were read, by their paths in the workspace: they may hold something else by now.
    `stamps` has the stamp of each path, taken before the file was read or the folder listed.
    """

    root: str
    paths: tuple[str, ...]
    folders: dict[str, frozenset[str]]
    held: Mapping[str, Digest]
    stamps: Mapping[str, Stamp]

    def stamp_now(self, path: str) -> Stamp | None:
        """The stamp of a folder that has the entries that it had, taken before it was listed again; None for any other."""
        try:
            stamp = fingerprint(path)
            return stamp if entries_of(self.root, path) == self.folders[path] else None
        except OSError:
            return None

    def files(self) -> list[str]:
        """Words: each file, relative to the root, with its digest."""
        names = sorted(
            {os.path.relpath(path, self.root) for path in self.paths if path not in self.folders}
        )
        return [word for name in names for word in (name, str(self.held[name]))]

    def listed(self) -> list[str]:
        """Words: each folder, relative to the root, with its entries."""
        return [
            word
            for folder, names in self.folders.items()
            for word in (os.path.relpath(folder, self.root), str(len(names)), *sorted(names))
        ]


def analysis_inputs(
    root: str, files: Sequence[str], listed: Sequence[str]
) -> AnalysisInputs | None:
    """The basis that was written down in words, or None when it is another one here."""
    folders = {
        os.path.normpath(os.path.join(root, folder)): frozenset(names)
        for folder, names in folders_of(listed).items()
    }
    held = {name: Digest.parse(digest) for name, digest in zip(files[::2], files[1::2])}
    stamps: dict[str, Stamp] = {}
    try:
        for name, digest in held.items():
            path = os.path.normpath(os.path.join(root, name))
            found, stamps[path] = _read(path, digest.size)
            if found != digest:
                return None
        for folder, names in folders.items():
            stamps[folder] = fingerprint(folder)
            if entries_of(root, folder) != names:
                return None
    except OSError:
        return None
    return AnalysisInputs(root, tuple(stamps), folders, held, stamps)


def folders_of(said: Sequence[str]) -> dict[str, Sequence[str]]:
    """Folders and the entries of each, from words: folder, count, entries."""
    found, at = {}, 0
    while at < len(said):
        count = int(said[at + 1])
        found[said[at]] = said[at + 2 : at + 2 + count]
        at += 2 + count
    return found


def entries_of(root: str, folder: str) -> frozenset[str]:
    """The entries of a folder as it is now, without those that builds make; OSError when it cannot be listed."""
    with os.scandir(folder) as entries:
        return without_outputs(root, folder, entries)


def without_outputs(root: str, folder: str, entries: Iterable[os.DirEntry[str]]) -> frozenset[str]:
    """The names of entries, without those that builds make; a folder's ends in a slash, because its kind decides, too."""
    names = frozenset(f"{entry.name}/" if _is_folder(entry) else entry.name for entry in entries)
    return names - _OURS if folder == root else names


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circle of links
        return False


def _read(path: str, size: int) -> tuple[Digest | None, Stamp]:
    """What a regular file of a size holds, and its stamp from before; None for any other: hashing a giant takes long."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(fd)
        held = (
            Digest(*hash_open_file(fd))
            if stat.S_ISREG(found.st_mode) and found.st_size == size
            else None
        )
        return held, stamp_of(found)
    finally:
        os.close(fd)
