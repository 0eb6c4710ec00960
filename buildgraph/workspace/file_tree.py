"""The files of a workspace that a target names by path or by glob."""

from __future__ import annotations

import os

from ..types.errors import BuildError, Location
from .folder_listing import FolderListing
from .glob_search import GlobSearch
from .globs import is_glob, split_pattern


class FileTree(FolderListing):
    """The listed folders of a workspace, with a search for globs."""

    _last_search: GlobSearch | None = None

    def glob(self, folder: str, pattern: str, at: Location | None) -> list[str]:
        """The paths from the root of the files that match a glob, sorted.

        Links to folders of the workspace are followed. BuildError if a match is not a file of the
        workspace.
        """
        if not is_glob(pattern):
            split_pattern(pattern, at)
            name = self.source(folder, pattern, at)
            if os.path.isdir(os.path.join(self.root, name)):
                raise BuildError(
                    f"{pattern!r} is a folder",
                    at,
                    f'write "{pattern}/**" for all its files',
                    "path",
                )
            return [name]
        self._last_search = GlobSearch(self, split_pattern(pattern, at), at)
        names = self._last_search.run(folder)
        for name in names:
            parent, _, file = name.rpartition("/")
            self.check_regular(self.entries(parent)[file], name, True, at)
        return sorted(names)

    def explain_no_match(self, folder: str) -> str:
        """The help for the last glob, which matched nothing: the first entry that it did not
        follow.
        """
        hint = self._last_search.hint() if self._last_search else ""
        return hint or f"globs are relative to {folder or 'the root of the workspace'}"
