"""Hashes are those of `hashlib`, before and after OpenSSL takes over, and for files with holes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from buildgraph.lite import sha256 as module
from tests.support.missing_modules import load_without


@pytest.mark.parametrize("missing", [(), ("_sha256", "_sha2")])
def test_hashes_are_those_of_hashlib(missing: tuple[str, ...]) -> None:
    variant = load_without(module, *missing)
    for size in (0, 1, 100_000, 200_000, 5):
        data = os.urandom(size)
        assert variant.sha256(data).hexdigest() == hashlib.sha256(data).hexdigest()


def test_openssl_takes_over_after_256_kib() -> None:
    variant = load_without(module)
    assert type(variant.sha256(bytes(1 << 17))) is not type(hashlib.sha256())
    assert type(variant.sha256(more=1 << 17)) is type(hashlib.sha256())


@pytest.mark.parametrize("size", [0, 1, (1 << 15) - 1, 1 << 15, (1 << 22) + 1])
def test_an_open_file_is_hashed_from_its_start(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    os.lseek(fd, size // 2, os.SEEK_SET)
    assert module.hash_open_file(fd) == (hashlib.sha256(data).hexdigest(), size)
    os.close(fd)


def test_the_ranges_of_a_sparse_file_cover_its_data(tmp_path: Path) -> None:
    size = 3 * module.CANCEL_CHECK_BYTES
    with open(tmp_path / "file", "wb") as file:
        file.seek(size // 2)
        file.write(b"data")
        file.truncate(size)
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    ranges = list(module.data_ranges(fd, os.fstat(fd)))
    os.close(fd)
    assert any(start <= size // 2 < size // 2 + 4 <= end for start, end in ranges)
    assert all(start <= end for start, end in ranges) and ranges[-1][1] >= size


def test_zeros_are_added_in_pieces() -> None:
    digest, count = hashlib.sha256(b"x"), module.CANCEL_CHECK_BYTES + 3
    module.add_zeros(digest, count)
    assert digest.hexdigest() == hashlib.sha256(b"x" + bytes(count)).hexdigest()
    module.add_zeros(digest, 0)
    assert digest.hexdigest() == hashlib.sha256(b"x" + bytes(count)).hexdigest()
