"""Keeping a store: how much it holds, and whether all of it is whole. Looking changes nothing unless told to mend."""

from __future__ import annotations

import hashlib
import os

from ..files.regular_file import open_regular, read_regular
from ..lite import TYPE_CHECKING
from ..lite.record import record
from ..lite.sha256 import hash_open_file
from ..types.digest import Digest
from ..types.result import Result
from . import result_record
from .closure import blobs_of
from .protocol import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .disk import DiskStore


@record
class StoreStats:
    """Counts and bytes of what a store holds, and how many damaged files were set aside."""

    blobs: int
    blob_bytes: int
    results: int
    result_bytes: int
    quarantined: int


@record
class FsckReport:
    """What a full look found: files checked, names of those damaged, and names of records that lack a blob."""

    checked: int
    damaged: tuple[str, ...]
    dangling: tuple[str, ...]


def measure(root: str) -> StoreStats:
    """Count the files of a store on disk."""
    blobs = [size for _, _, size in stamps(blob_files(root))]
    results = [size for _, _, size in stamps(record_files(root))]
    return StoreStats(
        len(blobs),
        sum(blobs),
        len(results),
        sum(results),
        len(files(os.path.join(root, "quarantine"))),
    )


def check_store(store: DiskStore, repair: bool = False) -> FsckReport:
    """Hash every blob and record.

    With `repair`, what is damaged goes to quarantine and records that lack a blob are removed: misses, which the next
    build makes again. Files that leave while this looks are not damaged.
    """
    blobs, found = blob_files(store.root), record_files(store.root)
    damaged = [path for path in blobs if _damaged_blob(path)]
    bad = {os.path.basename(path) for path in damaged}
    dangling = []
    for path in found:
        record = read_record(path)
        if record is None:
            damaged += [path] if os.path.lexists(path) else []
        elif (named := blobs_named(store.root, record[1])) is None or any(
            blob.hash in bad for blob in named
        ):
            dangling.append(path)
    if repair:
        for path in damaged:
            store.quarantine(path, f"{os.path.basename(path)[:12]} was damaged")
        store.remove(*dangling)
    return FsckReport(
        len(blobs) + len(found),
        tuple(map(os.path.basename, damaged)),
        tuple(map(os.path.basename, dangling)),
    )


def read_record(path: str) -> tuple[Digest, Result, dict[str, bytes]] | None:
    """(key, result, parts) of a record that stands where its key says; None when it is damaged, misplaced or gone."""
    try:
        found = result_record.read(read_regular(path))
    except OSError:
        return None
    return found if found is not None and found[0].hash == os.path.basename(path) else None


def blobs_named(root: str, result: Result) -> set[Digest] | None:
    """All blobs of a result, or None when one is not there."""

    def read(digest: Digest) -> bytes:
        try:
            data = read_regular(os.path.join(root, "blobs", "sha256", digest.hash))
        except OSError:
            raise Missing(digest) from None
        if len(data) != digest.size or hashlib.sha256(data).hexdigest() != digest.hash:
            raise Missing(digest)
        return data

    try:
        found = set(blobs_of(result, read))
        return found if all(_there(root, digest) for digest in found) else None
    except (Missing, ValueError):
        return None


def blob_files(root: str) -> list[str]:
    """The paths of all blobs, sorted."""
    return files(os.path.join(root, "blobs", "sha256"))


def record_files(root: str) -> list[str]:
    """The paths of all records, sorted."""
    return [path for folder in files(os.path.join(root, "results")) for path in files(folder)]


def files(folder: str) -> list[str]:
    """What stands in a folder, sorted by name; nothing when it does not exist."""
    try:
        return sorted(entry.path for entry in os.scandir(folder))
    except OSError:
        return []


def stamps(paths: list[str]) -> Iterator[tuple[str, float, int]]:
    """(path, mtime, size) of those files that are still there."""
    for path in paths:
        mtime, size = _stamp(path)
        if size >= 0:
            yield path, mtime, size


def _stamp(path: str) -> tuple[float, int]:
    try:
        found = os.lstat(path)
    except OSError:
        return 0.0, -1
    return found.st_mtime, found.st_size


def _there(root: str, digest: Digest) -> bool:
    return _stamp(os.path.join(root, "blobs", "sha256", digest.hash))[1] == digest.size


def _damaged_blob(path: str) -> bool:
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return hash_open_file(fd)[0] != os.path.basename(path)
    except OSError:
        return True
    finally:
        os.close(fd)
