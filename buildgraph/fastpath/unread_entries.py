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
    from .manifest import InputManifest

FOLDER = ".buildgraph/manifests"


def ignore_unread_entries(manifest: InputManifest) -> None:
    """Empty `changed` if all changed paths are folders in which the lookups find the same.

    The current folder is the root of the workspace. The manifest is written again with the stamps
    of those folders that are settled, so the next build does not list them.
    """
    listings = listings_of(unpack_strings(manifest.folders))
    stamps: dict[int, Stamp] = {}
    for number in manifest.changed:
        path = os.fsdecode(manifest.paths[number])
        if path not in listings:
            return
        try:
            stamps[number] = fingerprint(path)  # before it is listed, so that later changes show
            if not listings[path].is_current(".", path):
                return
        except OSError:
            return
    manifest.changed = []
    now = file_system_time(manifest.root)
    settled = {number: stamp for number, stamp in stamps.items() if is_settled(stamp, now)}
    if settled and not any(map(os.path.islink, (".buildgraph", FOLDER))):
        manifest.restamp(settled)
