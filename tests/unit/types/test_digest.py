"""Digests are parsed as they are printed."""

from __future__ import annotations

import hashlib

import pytest

from buildgraph.types.digest import EMPTY, Digest


def test_a_digest_has_hash_and_size_of_the_bytes() -> None:
    sha = hashlib.sha256(b"abc").hexdigest()
    digest = Digest.of(b"abc")
    assert (digest.hash, digest.size, str(digest)) == (sha, 3, f"{sha}/3")
    assert Digest.parse(str(digest)) == digest and digest.oci == f"sha256:{sha}"
    assert EMPTY == Digest.of(b"")


@pytest.mark.parametrize(
    "text",
    ["", "/3", "a" * 64, "A" * 64 + "/3", "a" * 63 + "/3", "a" * 64 + "/\u0663", "g" * 64 + "/3"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        Digest.parse(text)
