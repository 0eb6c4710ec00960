"""Walks over trees of Directory messages."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from buildgraph.keys.merkle_walk import is_inside, walk_tree
from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.types.digest import Digest

FILE = Digest.of(b"x")


def store(blobs: dict[Digest, bytes], directory: Directory) -> Digest:
    """Add the bytes of a Directory to the blobs, and return its digest."""
    data = encode_directory(directory)
    digest = Digest.of(data)
    blobs[digest] = data
    return digest


def test_parents_come_first() -> None:
    blobs: dict[Digest, bytes] = {}
    leaf = store(blobs, Directory((("f", FILE, False),)))
    middle = store(blobs, Directory((), (("leaf", leaf),)))
    top = store(blobs, Directory((), (("a", middle), ("b", leaf)), (("link", "a"),)))
    walked = list(walk_tree(top, blobs.__getitem__))
    paths = [path for path, _, _ in walked]
    assert sorted(paths) == ["", "/a", "/a/leaf", "/b"]
    assert paths.index("") < paths.index("/a") < paths.index("/a/leaf")
    assert {path: digest for path, digest, _ in walked} == {
        "": top,
        "/a": middle,
        "/a/leaf": leaf,
        "/b": leaf,
    }
    assert walked[0][2].symlinks == (("link", "a"),)


def test_equal_folders_are_walked_once_when_seen_is_given() -> None:
    blobs: dict[Digest, bytes] = {}
    leaf = store(blobs, Directory((("f", FILE, False),)))
    top = store(blobs, Directory((), (("a", leaf), ("b", leaf))))
    seen: set[Digest] = set()
    assert len(list(walk_tree(top, blobs.__getitem__, seen))) == 2
    assert seen == {top, leaf}
    assert list(walk_tree(top, blobs.__getitem__, seen)) == []


def test_other_bytes_are_refused_and_missing_ones_raise_the_error_of_the_reader() -> None:
    with pytest.raises(ValueError):
        list(walk_tree(FILE, lambda digest: b"\xff"))
    with pytest.raises(KeyError):
        list(walk_tree(FILE, dict[Digest, bytes]().__getitem__))


@given(
    st.lists(st.sampled_from(["..", "a", "b", ".", ""]), min_size=1, max_size=6), st.integers(0, 3)
)
def test_an_accepted_symlink_never_leaves_its_tree(parts: list[str], depth: int) -> None:
    """Count the depth after each part of the target."""
    target, at, lowest = "/".join(parts), depth, depth
    for part in parts:
        at += -1 if part == ".." else 1
        lowest = min(lowest, at)
    if is_inside(target, depth):
        assert lowest >= 0 and not target.startswith("/")
