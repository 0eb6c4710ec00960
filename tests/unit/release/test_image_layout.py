"""Layouts of images: platforms, and the entries of layers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from ociimage import tar

from buildgraph.release.image_layout import (
    blob_path,
    layer_entries,
    platform_images,
    top_descriptor,
    total_size,
)
from buildgraph.types.errors import BuildError
from tests.support.oci_layouts import write_index, write_layout


def entries(folder: Path) -> dict[str, str]:
    """The kinds of the entries of the only image in a layout."""
    [image] = platform_images(folder, top_descriptor(folder))
    return {path: entry.kind for path, entry in layer_entries(folder, image).items()}


def test_an_upper_layer_replaces_and_removes_entries(tmp_path: Path) -> None:
    lower = [
        tar.Entry("a", source=b"1"),
        tar.Entry("gone", source=b"1"),
        tar.Entry("d", "directory", 0o755),
        tar.Entry("d/x", source=b"1"),
        tar.Entry("e", "directory", 0o755),
        tar.Entry("e/old", source=b"1"),
    ]
    upper = [
        tar.Entry("a", source=b"22"),
        tar.Entry(".wh.gone"),
        tar.Entry(".wh.d"),
        tar.Entry("e/.wh..wh..opq"),
        tar.Entry("e/new", "symlink", target="../a"),
    ]
    folder = write_layout(tmp_path, [lower, upper])
    assert entries(folder) == {
        "/a": "file",
        "/e": "directory",
        "/e/new": "symlink",
    }
    [image] = platform_images(folder, top_descriptor(folder))
    entry = layer_entries(folder, image)["/a"]
    assert (entry.size, entry.digest) == (2, f"sha256:{hashlib.sha256(b'22').hexdigest()}")
    assert entry.layer == image.manifest["layers"][1]["digest"]


def test_a_layer_that_python_cannot_read_is_one_entry(tmp_path: Path) -> None:
    folder = write_layout(tmp_path, [[tar.Entry("a", source=b"1")]])
    [image] = platform_images(folder, top_descriptor(folder))
    digest = image.manifest["layers"][0]["digest"]
    blob_path(folder, digest).write_bytes(b"\x28\xb5\x2f\xfd" + b"zstd" * 99)
    assert entries(folder) == {digest: "layer"}


def test_each_platform_of_an_index_is_an_image(tmp_path: Path) -> None:
    folder = write_index(tmp_path)
    images = list(platform_images(folder, top_descriptor(folder)))
    assert [image.platform for image in images] == ["linux/amd64", "linux/arm64"]
    assert total_size(folder) == sum(
        path.stat().st_size for path in (folder / "blobs/sha256").iterdir()
    )


def test_a_damaged_document_is_refused(tmp_path: Path) -> None:
    folder = write_layout(tmp_path, [[tar.Entry("a", source=b"1")]])
    top = top_descriptor(folder)
    path = blob_path(folder, top["digest"])
    path.write_bytes(path.read_bytes().replace(b'"agent"', b'"agend"'))
    with pytest.raises(BuildError, match="is damaged") as raised:
        list(platform_images(folder, top))
    assert raised.value.reason == "broken"


def test_a_layout_of_several_images_is_refused(tmp_path: Path) -> None:
    folder = write_layout(tmp_path, [[tar.Entry("a", source=b"1")]])
    path = folder / "index.json"
    index = json.loads(path.read_bytes())
    path.write_text(json.dumps({**index, "manifests": index["manifests"] * 2}))
    with pytest.raises(BuildError, match="lists 2 images"):
        top_descriptor(folder)
