"""Check of a store by hashing every blob and every record; read-only unless `repair` is set."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..files.regular_file import open_regular, read_regular
from ..lite.sha256 import hash_open_file
from ..types.digest import Digest
from ..types.result import Result
from . import result_record
from .closure import blobs_of
from .protocol import Missing
from .stats import blob_files, record_files

if TYPE_CHECKING:
    from .disk import DiskStore


@dataclass(frozen=True)
class FsckReport:
    """Number of files checked, names of damaged files, and names of records that lack a blob."""

    checked: int
    damaged: tuple[str, ...]
    dangling: tuple[str, ...]


def check_store(store: DiskStore, repair: bool = False) -> FsckReport:
    """Hash every blob and record of a store.

    With `repair`, damaged files are moved to quarantine and records that lack a blob are removed.
    Both become cache misses, so the next build produces them again. A file that is removed during
    the check is not reported as damaged.
    """
    blobs, records = blob_files(store.root), record_files(store.root)
    damaged = [path for path in blobs if _is_damaged_blob(path)]
    damaged_names = {os.path.basename(path) for path in damaged}
    dangling = []
    for path in records:
        record = read_record(path)
        if record is None:
            damaged += [path] if os.path.lexists(path) else []
        elif (named := blobs_named(store.root, record[1])) is None or any(
            blob.hash in damaged_names for blob in named
        ):
            dangling.append(path)
    if repair:
        for path in damaged:
            store.quarantine(path, f"{os.path.basename(path)[:12]} was damaged")
        store.remove(*dangling)
    return FsckReport(
        len(blobs) + len(records),
        tuple(map(os.path.basename, damaged)),
        tuple(map(os.path.basename, dangling)),
    )


def read_record(path: str) -> tuple[Digest, Result, dict[str, bytes]] | None:
    """Read (key, result, parts) of a record.

    None when the record is damaged, missing, or named after another key.
    """
    try:
        record = result_record.decode_any(read_regular(path))
    except OSError:
        return None
    return record if record is not None and record[0].hash == os.path.basename(path) else None


def blobs_named(root: str, result: Result) -> set[Digest] | None:
    """Return the digests of all blobs of a result; None when one of them is missing."""

    def read(digest: Digest) -> bytes:
        try:
            data = read_regular(_blob_path(root, digest))
        except OSError:
            raise Missing(digest) from None
        if len(data) != digest.size or hashlib.sha256(data).hexdigest() != digest.hash:
            raise Missing(digest)
        return data

    try:
        digests = set(blobs_of(result, read))
        return digests if all(_exists(root, digest) for digest in digests) else None
    except (Missing, ValueError):
        return None


def _blob_path(root: str, digest: Digest) -> str:
    return os.path.join(root, "blobs", "sha256", digest.hash)


def _exists(root: str, digest: Digest) -> bool:
    try:
        return os.lstat(_blob_path(root, digest)).st_size == digest.size
    except OSError:
        return False


def _is_damaged_blob(path: str) -> bool:
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
