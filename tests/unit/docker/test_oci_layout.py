"""Select an image of a layout by platform, and pack it for Docker."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from buildgraph.docker.oci_layout import docker_archive, select_image
from buildgraph.types.errors import BuildError

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


def blob(folder: Path, content: object) -> dict[str, Any]:
    """Write a blob, a JSON document or bytes, and return its descriptor."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    digest = hashlib.sha256(data).hexdigest()
    path = folder / "blobs/sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"mediaType": _MANIFEST, "digest": f"sha256:{digest}", "size": len(data)}


def image(folder: Path, architecture: str, variant: str = "") -> dict[str, Any]:
    """Write an image with one layer and return its descriptor."""
    platform = {"os": "linux", "architecture": architecture}
    platform |= {"variant": variant} if variant else {}
    config: dict[str, Any] = platform | {"config": {"ExposedPorts": {"8080/tcp": {}}}}
    layers = [blob(folder, f"layer for {architecture}".encode())]
    manifest = {"config": blob(folder, config), "layers": layers}
    return blob(folder, manifest) | {"platform": platform}


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A layout whose index refers to an index of images for amd64 and arm64/v8."""
    images = [image(tmp_path, "amd64"), image(tmp_path, "arm64", "v8")]
    nested = blob(tmp_path, {"manifests": images}) | {"mediaType": _INDEX}
    (tmp_path / "index.json").write_text(json.dumps({"manifests": [nested]}))
    return tmp_path


def test_an_image_is_selected_by_architecture(layout: Path) -> None:
    selected = select_image(layout, "arm64")
    assert selected.platform == "linux/arm64/v8" and selected.ports == (8080,)
    assert selected.runs_on("arm64") and not selected.runs_on("amd64")
    assert select_image(layout, "amd64").manifest != selected.manifest
    with pytest.raises(BuildError, match="holds images for linux/amd64, linux/arm64/v8"):
        select_image(layout, "riscv64")


def test_the_only_image_is_selected_for_any_architecture(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(json.dumps({"manifests": [image(tmp_path, "386")]}))
    selected = select_image(tmp_path, "arm64")
    assert selected.platform == "linux/386"
    assert selected.runs_on("amd64") and not selected.runs_on("arm64")


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"manifests": []}'])
def test_an_invalid_layout_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(BuildError, match="not an OCI image layout"):
        select_image(tmp_path)


def test_a_damaged_blob_is_refused(layout: Path) -> None:
    for path in (layout / "blobs/sha256").iterdir():
        path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(BuildError, match="is damaged") as error:
        select_image(layout, "arm64")
    assert error.value.reason == "broken"


def test_the_archive_has_one_image_and_no_name(layout: Path, tmp_path: Path) -> None:
    selected = select_image(layout, "amd64")
    packed = b"".join(docker_archive(layout, selected))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        contents = {
            member.name: file.read()
            for member in archive.getmembers()
            if (file := archive.extractfile(member))
        }
    (manifest,) = json.loads(contents["manifest.json"])
    assert manifest["RepoTags"] is None and contents[manifest["Layers"][0]] == b"layer for amd64"
    assert len(contents) == 3 + 3, "manifest, configuration, layer, and three documents"
    (tmp_path / "image.tar").write_bytes(packed)
    assert select_image(tmp_path / "image.tar").config == selected.config
