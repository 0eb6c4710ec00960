"""Inputs of analysis: files by their content, and folders by their entries."""

from __future__ import annotations

import os
import stat

from ..files.entries import Listing, listing_strings, listings_of
from ..files.stamp import Stamp, fingerprint, stamp_of
from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..lite.sha256 import hash_open_file
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class AnalysisInputs(Record, eq=False):
    """The BUILD files, rules and folders that analysis read.

    `paths` are absolute, and so are the keys of `folders` and `stamps`. `digests` are the contents
    of files when they were read, by their paths in the workspace; a file may have another content
    by now. `texts` are the hashes of BUILD files without comments (`workspace/toml_text.py`).
    `stamps` were taken before the file was read or the folder listed.
    """

    root: str
    paths: tuple[str, ...]
    folders: dict[str, Listing]
    digests: Mapping[str, Digest]
    stamps: Mapping[str, Stamp]
    texts: Mapping[str, str]

    def stamp_now(self, path: str) -> Stamp | None:
        """The present stamp of a folder, taken before it is listed.

        None if its entries differ or it is no folder.
        """
        try:
            stamp = fingerprint(path)
            return stamp if self.folders[path].is_current(self.root, path) else None
        except OSError:
            return None

    def files(self) -> list[str]:
        """Each file, relative to the root, followed by its digest."""
        names = sorted(
            {os.path.relpath(path, self.root) for path in self.paths if path not in self.folders}
        )
        return [string for name in names for string in (name, str(self.digests[name]))]

    def listed(self) -> list[str]:
        """The listings by folder, relative to the root, as `files.entries.listing_strings`."""
        return listing_strings(
            {os.path.relpath(path, self.root): listing for path, listing in self.folders.items()}
        )


def analysis_inputs(
    root: str, files: Sequence[str], listed: Sequence[str], texts: Sequence[str]
) -> AnalysisInputs | None:
    """The inputs that these strings describe, or None if one differs in this workspace."""
    folders = {
        os.path.normpath(os.path.join(root, folder)): listing
        for folder, listing in listings_of(listed).items()
    }
    digests = {name: Digest.parse(digest) for name, digest in zip(files[::2], files[1::2])}
    stamps: dict[str, Stamp] = {}
    try:
        for name, digest in digests.items():
            path = os.path.normpath(os.path.join(root, name))
            present, stamps[path] = _read(path, digest.size)
            if present != digest:
                return None
        for folder, listing in folders.items():
            stamps[folder] = fingerprint(folder)
            if not listing.is_current(root, folder):
                return None
    except OSError:
        return None
    return AnalysisInputs(
        root, tuple(stamps), folders, digests, stamps, dict(zip(texts[::2], texts[1::2]))
    )


def _read(path: str, size: int) -> tuple[Digest | None, Stamp]:
    """The digest of a regular file of a size, and its stamp from before.

    A file of another size has no digest here: hashing a very large file would take long, and the
    answer is known.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(fd)
        is_same_size = stat.S_ISREG(status.st_mode) and status.st_size == size
        return Digest(*hash_open_file(fd)) if is_same_size else None, stamp_of(status)
    finally:
        os.close(fd)
