"""Encodings of text that is not UTF-8."""

from __future__ import annotations

import pytest

from buildgraph.workspace.text_encoding import wide_encoding


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16-LE"),
        ("utf-16-be", "UTF-16-BE"),
        ("utf-32", "UTF-32"),
        ("utf-32-le", "UTF-32-LE"),
        ("utf-32-be", "UTF-32-BE"),
    ],
)
def test_wide_encodings_are_recognised(encoding: str, name: str) -> None:
    data = "[workspace]".encode(encoding)
    assert wide_encoding(data) == name
    assert not name or data.decode(name).removeprefix("\ufeff") == "[workspace]"


@pytest.mark.parametrize("data", [b"", b"a", b"a\0", b"\0\0\0\0", b"\xff"])
def test_short_and_binary_data_has_no_name(data: bytes) -> None:
    assert wide_encoding(data) == ""
