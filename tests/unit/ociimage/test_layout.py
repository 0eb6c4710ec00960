"""Written layers and layouts against the rules of the OCI image-spec 1.1."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import deflate
import pytest
from ociimage import layout as oci, tar

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
CONFIG = {
    "architecture": "arm64",
    "os": "linux",
    "variant": "v8",
    "config": {"User": "65532:65532"},
}


def image(folder: Path) -> oci.Image:
    """Two layers in `folder`."""
    agent = tar.Entry("bin/agent", mode=0o755, source=b"\x7fELF")
    below = oci.write_layer(folder, "app", tar.complete([agent]))
    above = oci.write_layer(
        folder, "model", tar.complete([tar.Entry("models/a", source=b"a" * 3000)])
    )
    return oci.write_image(
        folder, CONFIG, (below, above), {"org.opencontainers.image.title": "foragers"}
    )


def blob(layout: Path, descriptor: dict[str, Any]) -> bytes:
    """A blob whose descriptor keeps the rules of descriptor.md."""
    assert DIGEST.fullmatch(descriptor["digest"]) and isinstance(descriptor["size"], int)
    content = Path(layout, "blobs/sha256", str(descriptor["digest"])[7:]).read_bytes()
    assert len(content) == descriptor["size"]
    assert "sha256:" + hashlib.sha256(content).hexdigest() == descriptor["digest"]
    return content


def test_the_layout_is_complete_and_every_descriptor_true(tmp_path: Path) -> None:
    built = image(tmp_path)
    assert json.loads((tmp_path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((tmp_path / "index.json").read_bytes())
    assert (index["schemaVersion"], index["mediaType"]) == (
        2,
        "application/vnd.oci.image.index.v1+json",
    )
    [entry] = index["manifests"]
    assert entry["platform"] == {"architecture": "arm64", "os": "linux", "variant": "v8"}
    assert entry["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    manifest = json.loads(blob(tmp_path, entry))
    assert (manifest["schemaVersion"], manifest["mediaType"]) == (2, entry["mediaType"])
    assert all(isinstance(text, str) for text in manifest["annotations"].values())
    assert (
        manifest["annotations"]["dev.buildgraph.compressor"]
        == f"deflate@{deflate.__version__} gzip:6"
    )
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    config = json.loads(blob(tmp_path, manifest["config"]))
    layers = [blob(tmp_path, layer) for layer in manifest["layers"]]
    media_types = {layer["mediaType"] for layer in manifest["layers"]}
    assert media_types == {"application/vnd.oci.image.layer.v1.tar+gzip"}
    diff_ids = ["sha256:" + hashlib.sha256(gzip.decompress(layer)).hexdigest() for layer in layers]
    assert config["rootfs"] == {"type": "layers", "diff_ids": diff_ids}
    named = {one["digest"] for one in (entry, manifest["config"], *manifest["layers"])}
    assert {"sha256:" + path.name for path in (tmp_path / "blobs/sha256").iterdir()} == named
    assert (built.manifest.digest, built.config.digest) == (
        entry["digest"],
        manifest["config"]["digest"],
    )


def test_docker_s_manifest_names_the_same_blobs(tmp_path: Path) -> None:
    built = image(tmp_path)
    [docker] = json.loads((tmp_path / "manifest.json").read_bytes())
    assert (
        docker["Config"] == "blobs/sha256/" + built.config.digest[7:] and docker["RepoTags"] is None
    )
    assert docker["Layers"] == ["blobs/sha256/" + layer.blob.digest[7:] for layer in built.layers]


def test_the_summary_counts_every_blob(tmp_path: Path) -> None:
    summary = image(tmp_path).summary()
    blobs = [path.stat().st_size for path in (tmp_path / "blobs/sha256").iterdir()]
    assert summary["size"] == sum(blobs)
    assert summary["unpacked"] == sum(layer["unpacked"] for layer in summary["layers"])
    assert [layer["name"] for layer in summary["layers"]] == ["app", "model"]


def test_the_archive_is_the_folder(tmp_path: Path) -> None:
    image(tmp_path / "out")
    oci.write_archive(tmp_path / "out", tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        stored = {name: stream.read() for name, stream in files.items() if stream}
    on_disk = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert stored == on_disk and list(stored) == sorted(stored)


def test_gzip_members_have_a_fixed_header_and_the_right_trailer() -> None:
    content = bytes(range(256)) * 1000
    member = oci.gzip_member(content)
    assert member[:10] == bytes.fromhex("1f8b08000000000000ff")
    assert gzip.decompress(member) == content and member == bytes(deflate.gzip_compress(content, 6))


def test_a_layer_of_many_members_is_the_same_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = tar.complete([tar.Entry("f", source=bytes(10_000))])
    whole = oci.write_layer(tmp_path, "x", entries)
    monkeypatch.setattr(oci, "MEMBER", 4096)
    parted = oci.write_layer(tmp_path, "x", entries)
    assert (parted.diff_id, parted.unpacked) == (
        whole.diff_id,
        whole.unpacked,
    ) and parted.blob != whole.blob
    content = (tmp_path / parted.blob.blob).read_bytes()
    assert content.count(bytes.fromhex("1f8b08000000000000ff")) == -(-whole.unpacked // 4096)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        assert archive.getnames() == ["f"]


def test_equal_content_is_an_equal_blob_wherever_it_is_written(tmp_path: Path) -> None:
    entries = tar.complete([tar.Entry("f", source=b"x")])
    first, second = (oci.write_layer(tmp_path / name, "n", entries) for name in ("one", "two"))
    assert first == second
