"""Closure of a result: each blob once, those in trees included."""

from __future__ import annotations

import pytest

from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.store.closure import blobs_of
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Result, Tree

LOG, TEXT = Digest.of(b"log"), Digest.of(b"text")


def test_each_blob_is_named_once() -> None:
    inner = encode_directory(Directory(files=(("f", TEXT, False),)))
    outer = encode_directory(
        Directory(directories=(("a", Digest.of(inner)), ("b", Digest.of(inner))))
    )
    blobs = {Digest.of(data): data for data in (inner, outer)}
    tree = Tree(Digest.of(outer))
    result = Result((("o", File(TEXT)), ("t", tree), ("u", tree)), LOG, "none", 1)
    digests = list(blobs_of(result, blobs.__getitem__))
    assert digests[0] == LOG and len(digests) == 4
    assert set(digests) == {LOG, TEXT, *blobs}


def test_bytes_that_are_no_directory_are_an_error() -> None:
    result = Result((("t", Tree(TEXT)),), LOG, "none", 1)
    with pytest.raises(ValueError):
        list(blobs_of(result, lambda digest: b"no directory"))
