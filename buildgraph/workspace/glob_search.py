"""The search for the files that match a glob, through folders and links of the workspace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from ..files.entries import EVERY, NO_SOURCES, matching
from ..types.errors import BuildError, Location
from .folder_listing import OUTSIDE, FolderListing, is_within, join
from .globs import ANY_FOLDERS, compile_glob, is_glob

_NO_SOURCES = NO_SOURCES | {".buildgraph"}  # names that no wildcard matches
_MAX_PATH = 4096  # bytes, the limit of Linux
_MAX_LINKED = 10_000  # folders behind links that one glob may search


class GlobSearch:
    """One search for the files that match the parts of a glob."""

    def __init__(self, listing: FolderListing, parts: tuple[str, ...], at: Location | None) -> None:
        self._listing, self._parts, self._at = listing, parts, at
        self._not_followed: dict[str, str] = {}  # paths with the reason

    def hint(self) -> str:
        """The first entry that the search did not follow, with the reason, or an empty text."""
        path, reason = next(iter(self._not_followed.items()), ("", ""))
        return f"{path!r} {reason}" if path else reason

    def run(self, folder: str) -> set[str]:
        """The paths from the root of the files below a folder that match.

        `**` is tried as no folder and as each folder below. No folder is searched twice for the
        same rest of the glob. The links on the way to a folder are kept as their real folders: a
        link to one of them, or above it, would lead in a circle.
        """
        files: set[str] = set()
        waiting: list[tuple[str, int, tuple[str, ...]]] = [(folder, 0, ())]
        tried: set[tuple[str, int]] = set()
        linked = 0
        while waiting:
            current, index, links = waiting.pop()
            if (current, index) in tried:
                continue
            tried.add((current, index))
            linked += bool(links)
            self._check_folder(current, linked)
            part = self._parts[index]
            if part == ANY_FOLDERS:
                waiting.append((current, index + 1, links))
                waiting += [
                    (path, index, more) for path, more in self._folders(current, part, links)
                ]
            elif index + 1 < len(self._parts):
                waiting += [
                    (path, index + 1, more) for path, more in self._folders(current, part, links)
                ]
            else:
                files |= self._files(current, part)
        return files

    def _check_folder(self, folder: str, linked: int) -> None:
        self._listing.entries(folder)
        self._listing.check_listed(folder, self._at)
        if len(os.fsencode(os.path.join(self._listing.root, folder))) >= _MAX_PATH:
            raise BuildError(
                f"the path {folder[:60]!r}... is longer than the system allows",
                self._at,
                "move its content, or choose a glob that does not reach it",
                "source",
            )
        if linked > _MAX_LINKED:
            raise BuildError(
                f"{'/'.join(self._parts)!r} searches more than {_MAX_LINKED:,} folders "
                "behind links",
                self._at,
                f"name fewer folders; one of them is {folder!r}",
                "path",
            )

    def _files(self, folder: str, glob: str) -> set[str]:
        """The entries of a folder that match the last part of the glob and are not folders."""
        self._listing.record_lookup(folder, matching(glob, folders=False))
        # DirEntry.is_dir() raises an exception for links that lead in a circle.
        return {
            join(folder, name)
            for name, entry in self._listing.entries(folder).items()
            if _matches(name, glob) and not os.path.isdir(entry.path)
        }

    def _folders(
        self, folder: str, glob: str, links: tuple[str, ...]
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the folders in a folder that match one part of the glob, with the links that lead
        to them.
        """
        listing = self._listing
        listing.record_lookup(folder, matching("*" if glob == ANY_FOLDERS else glob, folders=True))
        if not is_glob(glob):
            named = listing.entries(folder).get(glob)
            if named is None:
                self._not_followed.setdefault("", listing.explain_absence(folder, glob))
            else:
                listing.check_regular(named, join(folder, glob), False, self._at)
                yield join(folder, glob), links
            return
        pattern = "*" if glob == ANY_FOLDERS else glob
        for name, entry in listing.entries(folder).items():
            path = join(folder, name)
            if name in _NO_SOURCES or listing.is_cache(path) or not _matches(name, pattern):
                continue
            if entry.is_symlink():
                parent = listing.real_path(folder) if folder else ""
                if self._follows(path, (*links, parent)):
                    yield path, (*links, parent)
            elif entry.is_dir(follow_symlinks=False) and not listing.is_venv(path):
                yield path, links

    def _follows(self, path: str, above: Sequence[str]) -> bool:
        """True if the search follows a link: to a folder of sources, and not in a circle.

        Records the reason if it does not follow a link to a folder.
        """
        real = self._listing.real_path(path)
        target = os.path.join(self._listing.root, real)
        if real == OUTSIDE:
            reason = "is a link out of the workspace, and globs do not follow it"
        elif not os.path.exists(target):
            reason = "is a link to nothing"
            self._listing.record_lookup(real, EVERY)  # the target may be created later
        elif not os.path.isdir(target):
            return False
        elif any(name in _NO_SOURCES for name in real.split("/")) or self._listing.is_cache(real):
            reason = "is a link to a folder that has no sources, and globs do not follow it"
        elif any(is_within(folder, real) for folder in above):
            reason = "is a link to a folder that it is in, and globs do not follow it"
        else:
            return True
        self._not_followed.setdefault(path, reason)
        return False


def _matches(name: str, glob: str) -> bool:
    """True if a name matches one part of a glob.

    A name with a dot in front needs a glob with one.
    """
    return compile_glob(glob).fullmatch(name) is not None and (
        not name.startswith(".") or glob.startswith(".")
    )
