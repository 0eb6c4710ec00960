"""Folders in which only entries changed that no analysis looked for, such as an editor's backup.

A build without changes imports this only if the stamp of a path differs.
"""

from __future__ import annotations

import os

from ..files.entries import listings_of
from ..files.stamp import Stamp, file_system_time, fingerprint, is_settled
from ..lite import TYPE_CHECKING
from ..lite.pack import unpack_strings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER = ".buildgraph/manifests"


def unread_changes(
    root: str, folders: bytes, changed: Mapping[int, bytes]
) -> Iterable[tuple[int, Stamp]] | None:
    """The new stamps of changed paths by number, if all are folders without a change that matters.

    None if one is no such folder. `folders` are packed listings, and the current folder is the root
    of the workspace. Stamps that are not settled are left out: the next build lists these folders
    again.
    """
    listings = listings_of(unpack_strings(folders))
    stamps: dict[int, Stamp] = {}
    for number, name in changed.items():
        path = os.fsdecode(name)
        if path not in listings:
            return None
        try:
            stamps[number] = fingerprint(path)  # before it is listed, so that later changes show
            if not listings[path].is_current(".", path):
                return None
        except OSError:
            return None
    if any(map(os.path.islink, (".buildgraph", FOLDER))):
        return ()  # nothing is written through a link
    now = file_system_time(root)
    return [(number, stamp) for number, stamp in stamps.items() if is_settled(stamp, now)]
