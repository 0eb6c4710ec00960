"""Unpacked layers: plain, one gzip member or several, and no more than the largest size."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from ociimage import unpack
from ociimage.unpack import gunzip, unpacked

DATA = bytes(range(256)) * 5000


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("tar", DATA),
        ("tar+gzip", gzip.compress(DATA)),
        ("tar+gzip", gzip.compress(DATA[:700]) + gzip.compress(DATA[700:])),
    ],
)
def test_the_tar_of_a_layer(kind: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(content)
    pieces = unpacked(tmp_path / "layer", f"application/vnd.oci.image.layer.v1.{kind}")
    assert b"".join(pieces) == DATA


def test_a_layer_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "LARGEST_LAYER", len(DATA) - 1)
    with pytest.raises(ValueError, match="a layer of more than"):
        list(gunzip([gzip.compress(DATA)]))
