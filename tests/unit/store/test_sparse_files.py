"""Sparse files: holes stay holes when files are hashed and copied, and both can be cancelled."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest

from buildgraph.host.source_files import hash_file
from buildgraph.lite.contextmanagers import Cancelled, cancellable
from buildgraph.lite.sha256 import CANCEL_CHECK_BYTES, hash_open_file
from buildgraph.store.disk import DiskStore
from buildgraph.store.file_ops import FileOps, NewFile, copy_hashed


def sparse(path: Path, size: int, *pieces: tuple[int, bytes]) -> Path:
    """Create a file of a size, with zeros except for some pieces."""
    with open(path, "wb") as file:
        file.truncate(size)
        for at, data in pieces:
            file.seek(at)
            file.write(data)
    return path


def is_sparse(path: Path) -> bool:
    """True when a file takes less than half of its size on disk."""
    info = path.stat()
    return 512 * info.st_blocks * 2 < info.st_size


def copied(path: Path, old: bytes = b"") -> tuple[Path, tuple[str, int]]:
    """Copy a file over one that had other bytes."""
    target = path.parent / "copy"
    target.write_bytes(old)
    source = os.open(path, os.O_RDONLY)
    try:
        with NewFile(
            FileOps(),
            str(target),
            path.stat().st_size,
            False,
            lambda name: os.open(name, os.O_WRONLY),
        ) as fd:
            return target, copy_hashed(FileOps(), source, fd)
    finally:
        os.close(source)


@pytest.mark.parametrize("seed", range(12))
def test_a_copy_with_holes_is_equal(tmp_path: Path, seed: int) -> None:
    """Positions of holes and earlier bytes of the target do not matter."""
    chance = random.Random(seed)
    size = CANCEL_CHECK_BYTES + chance.randrange(3 * CANCEL_CHECK_BYTES)
    pieces = [
        (chance.randrange(size), chance.randbytes(chance.choice((1, 5000, 70000))))
        for _ in range(chance.randrange(5))
    ]
    path = sparse(tmp_path / "file", size, *[(at, data[: size - at]) for at, data in pieces])
    expected = hashlib.sha256(path.read_bytes()).hexdigest(), size
    target, digest = copied(path, b"old" * 300_000)
    assert digest == expected and target.read_bytes() == path.read_bytes()
    fd = os.open(path, os.O_RDONLY)
    assert hash_open_file(fd) == expected
    os.close(fd)


def test_holes_take_no_room(tmp_path: Path) -> None:
    """This holds for the cache and for the restored file."""
    path = sparse(tmp_path / "file", 64 << 20, (0, b"head"), (30 << 20, b"middle"))
    if not is_sparse(path):
        pytest.skip("this disk has no holes")
    store = DiskStore(str(tmp_path / "cache"))
    batch = store.batch()
    digest = batch.add_file(str(path))
    store.publish([batch])
    store.place(digest, str(tmp_path / "restored"), False)
    assert (
        digest == hash_file(str(path)) and (tmp_path / "restored").read_bytes() == path.read_bytes()
    )
    assert is_sparse(Path(store.blob_path(digest))) and is_sparse(tmp_path / "restored")
    store.close()


@pytest.mark.parametrize("holes", [True, False])
def test_cancellation_is_checked_between_pieces(tmp_path: Path, holes: bool) -> None:
    """Hashing and copying stop, in data and in holes, and the copy is removed."""
    path = sparse(tmp_path / "file", 8 * CANCEL_CHECK_BYTES)
    if not holes:
        path.write_bytes(bytes(8 * CANCEL_CHECK_BYTES))
    asked = []

    def wished() -> bool:
        asked.append(1)
        return len(asked) > 2

    with cancellable(wished):
        with pytest.raises(Cancelled):
            hash_file(str(path))
        asked.clear()
        with pytest.raises(Cancelled):
            copied(path)
    assert not (tmp_path / "copy").exists() and len(asked) == 3
    assert hash_file(str(path)).size == 8 * CANCEL_CHECK_BYTES
