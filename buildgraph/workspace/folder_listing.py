"""The folders of a workspace as listed, and the files that a target names by path."""

from __future__ import annotations

import errno
import os
import stat

from ..files.entries import NO_SOURCES, SUBFOLDERS, named
from ..files.stamp import ALWAYS_STALE, Stamp, fingerprint
from ..types.errors import BuildError, Location, did_you_mean

OUTSIDE = ".."
"""The real path of a link that points out of the workspace."""


def is_skipped(name: str) -> bool:
    """True if folders of that name never contain sources."""
    return name.startswith(".") or name in NO_SOURCES


class FolderListing:
    """The folders of a workspace, each listed once.

    `lookups` are what was looked for in the folders whose entries influenced a result, the inputs
    of analysis, as texts of `files.entries`. `stamps` has the stamp of each folder that exists,
    taken before it was listed. `cache` is the path of the build cache if it is in the workspace:
    its files are never sources.
    """

    def __init__(self, root: str, cache: str = "") -> None:
        self.root, self.cache = root, cache
        self.lookups: dict[str, set[str]] = {}
        self.stamps: dict[str, Stamp] = {}
        self._entries: dict[str, dict[str, os.DirEntry[str]]] = {}
        self._real_paths: dict[str, str] = {"": ""}
        self._unlistable: dict[str, str] = {}  # folders with the reason

    def entries(self, folder: str) -> dict[str, os.DirEntry[str]]:
        """The entries of a folder by name, sorted; none if the folder does not exist."""
        entries = self._entries.get(folder)
        if entries is None:
            entries = self._entries[folder] = self._list(folder)
        return entries

    def _list(self, folder: str) -> dict[str, os.DirEntry[str]]:
        path, stamp = os.path.join(self.root, folder), ALWAYS_STALE
        try:
            stamp = fingerprint(path)
            with os.scandir(path) as scan:
                entries = {
                    entry.name: entry for entry in sorted(scan, key=lambda entry: entry.name)
                }
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            entries = {}  # the folder exists
            if error.errno in (errno.EACCES, errno.EPERM, errno.EIO):
                self._unlistable[folder] = os.strerror(error.errno)
        self.stamps[folder] = stamp
        return entries

    def exists(self, folder: str) -> bool:
        """True if the folder exists; it may be empty."""
        self.entries(folder)
        return folder in self.stamps

    def record_lookup(self, folder: str, lookup: str) -> None:
        """Record that what a lookup in a folder found, or its absence, influenced a result."""
        while folder and not self.exists(folder):
            folder, _, name = folder.rpartition("/")
            lookup = named(name)
        self.lookups.setdefault(folder, set()).add(lookup)

    def subfolders(self, folder: str) -> list[str]:
        """The paths of the folders in a folder that may contain sources. Links are omitted."""
        self.record_lookup(folder, SUBFOLDERS)
        return [
            join(folder, name)
            for name, entry in self.entries(folder).items()
            if not self.skips(join(folder, name))
            and entry.is_dir(follow_symlinks=False)
            and not self.is_venv(join(folder, name))
        ]

    def is_venv(self, folder: str) -> bool:
        """True if a folder is a virtual environment of Python. Records the lookup."""
        self.record_lookup(folder, named("pyvenv.cfg"))
        return "pyvenv.cfg" in self.entries(folder)

    def skips(self, path: str) -> bool:
        """True if the folder at a path never contains sources or packages."""
        return is_skipped(path.rpartition("/")[2]) or self.is_cache(path)

    def is_cache(self, path: str) -> bool:
        """True if a path is the build cache or in it."""
        return bool(self.cache) and is_within(path, self.cache)

    def source(self, folder: str, path: str, at: Location | None) -> str:
        """The path from the root of an existing file or folder that is named relative to `folder`.

        BuildError, with a similar name as help, if there is none. The case of letters must be
        exact.
        """
        parts = path.rstrip("/").split("/")
        is_absolute = path.startswith("/") or "\\" in path or "\0" in path
        if is_absolute or any(part in ("", ".", "..") for part in parts):
            raise BuildError(
                f"{path!r} is not a relative path inside this folder",
                at,
                f"write it relative to {folder or 'the root of the workspace'}, without . and ..; "
                "a file elsewhere is named by a target there",
                "path",
            )
        current = folder
        for number, part in enumerate(parts):
            entry = self.entries(current).get(part)
            self.check_listed(current, at)
            if entry is None:
                self.record_lookup(current, named(part))
                raise BuildError(
                    f"no file {path!r}", at, self.explain_absence(current, part), "source"
                )
            current = join(current, part)
            self.check_regular(entry, current, number == len(parts) - 1, at)
        return current

    def check_listed(self, folder: str, at: Location | None) -> None:
        """Require that the listing of a folder did not fail. BuildError."""
        if folder in self._unlistable:
            raise BuildError(
                f"the folder {folder or '.'!r} cannot be listed: {self._unlistable[folder]}",
                at,
                "check its permissions",
                "environment",
            )

    def explain_absence(self, folder: str, name: str) -> str:
        """A similar name in the folder as help, or the fact that the entry does not exist."""
        absent = f"there is no {name!r} in {folder or 'the root of the workspace'}"
        return did_you_mean(name, self.entries(folder)) or absent

    def check_regular(
        self, entry: os.DirEntry[str], name: str, last: bool, at: Location | None
    ) -> None:
        """Require that an entry is a folder or, as the `last` part of a path, a file. BuildError.

        A link must not point out of the workspace or into the build cache.
        """
        # Bytes that are not UTF-8 are not printable either. The same holds for outputs.
        if not name.isprintable():
            raise BuildError(f"{name!r} is not a printable UTF-8 name", at, "rename it", "source")
        real = self.real_path(name) if entry.is_symlink() else name
        if real == OUTSIDE:
            raise BuildError(
                f"{name!r} is a link out of the workspace", at, "copy its target", "source"
            )
        if self.is_cache(real):
            raise BuildError(
                f"{name!r} is part of the build cache",
                at,
                "name another file, or set BUILDGRAPH_CACHE to a folder outside of the workspace",
                "source",
            )
        try:
            mode = os.stat(entry.path).st_mode
        except OSError as error:
            is_circle = error.errno == errno.ELOOP
            raise BuildError(
                f"{name!r} is a link {'that leads in a circle' if is_circle else 'to nothing'}",
                at,
                "repair or remove it",
                "source",
            ) from None
        if not stat.S_ISDIR(mode) and not (last and stat.S_ISREG(mode)):
            raise BuildError(
                f"{name!r} is not {'a file or a folder' if last else 'a folder'}",
                at,
                reason="source",
            )

    def real_path(self, path: str) -> str:
        """The path from the root to which a path leads when all links are followed, or OUTSIDE.

        `..` in a link counts from the real folder of the link.
        """
        folder, _, name = path.rpartition("/")
        known = join(self._real_paths[folder], name) if folder in self._real_paths else path
        if known not in self._real_paths:
            root = os.path.realpath(self.root)
            real = os.path.realpath(os.path.join(self.root, known))
            is_inside = real == root or real.startswith(root.rstrip(os.sep) + os.sep)
            relative = real[len(root.rstrip(os.sep)) + 1 :]
            self._real_paths[known] = relative if is_inside else OUTSIDE
        self._real_paths[path] = self._real_paths[known]
        return self._real_paths[known]


def is_within(path: str, folder: str) -> bool:
    """True if a path is a folder or below it; both are relative to the root, or both absolute."""
    return path == folder or path.startswith(folder.rstrip("/") + "/") or not folder


def join(folder: str, name: str) -> str:
    """The path of an entry of a folder; the empty folder is the root."""
    return f"{folder}/{name}" if folder else name
