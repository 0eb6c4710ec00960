"""Statistics of a store: counts and bytes of its blobs and results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class StoreStats:
    """Counts and bytes of the blobs and results in a store, and the number of quarantined files."""

    blobs: int
    blob_bytes: int
    results: int
    result_bytes: int
    quarantined: int


def measure_store(root: str) -> StoreStats:
    """Count the files of the store below `root`, and their bytes; contents are not read."""
    blobs = [size for _, _, size in stat_files(blob_files(root))]
    results = [size for _, _, size in stat_files(record_files(root))]
    return StoreStats(
        len(blobs),
        sum(blobs),
        len(results),
        sum(results),
        len(list_folder(os.path.join(root, "quarantine"))),
    )


def blob_files(root: str) -> list[str]:
    """Return the paths of all blobs, sorted."""
    return list_folder(os.path.join(root, "blobs", "sha256"))


def record_files(root: str) -> list[str]:
    """Return the paths of all result records, sorted."""
    folders = list_folder(os.path.join(root, "results"))
    return [path for folder in folders for path in list_folder(folder)]


def list_folder(folder: str) -> list[str]:
    """Return the paths of a folder's entries, sorted; an empty list when it cannot be read."""
    try:
        return sorted(entry.path for entry in os.scandir(folder))
    except OSError:
        return []


def stat_files(paths: list[str]) -> Iterator[tuple[str, float, int]]:
    """Yield (path, mtime in seconds, size in bytes) of each file that still exists."""
    for path in paths:
        try:
            info = os.lstat(path)
        except OSError:
            continue
        yield path, info.st_mtime, info.st_size
