"""Base images: selection by platform, verification of every blob, and images on top."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ociimage import assemble, base_image, layout as oci
from ociimage.errors import ImageError

from tests.support.image_layouts import blobs_of, merge_layouts, read_index, write_layout

AMD64, ARM64 = "linux/amd64", "linux/arm64"


def reader(blobs: dict[str, bytes], asked: list[str] | None = None) -> base_image.Reader:
    """A source that has some blobs; it notes the digests that are asked for."""

    def document(digest: str) -> bytes:
        if asked is not None:
            asked.append(digest)
        return blobs[digest]

    def pieces(digest: str, size: int) -> Iterator[bytes]:
        content = document(digest)
        yield content[:7]
        yield content[7:]

    return base_image.Reader(document, pieces)


@pytest.fixture
def layouts(tmp_path: Path) -> tuple[str, dict[str, bytes]]:
    """The digest of an index of two platforms, and its blobs."""
    for arch in ("amd64", "arm64"):
        write_layout(tmp_path / arch, {"etc/arch": arch.encode(), "shared": b"1"}, arch)
    digest = merge_layouts(tmp_path / "all", [tmp_path / "amd64", tmp_path / "arm64"])
    return digest, blobs_of(tmp_path / "all")


def test_of_an_index_one_platform_is_read(
    layouts: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    digest, blobs = layouts
    asked: list[str] = []
    base_image.fetch(digest, f"{ARM64}/v8", reader(blobs, asked), tmp_path / "out")
    assert read_index(tmp_path / "out")["digest"] == read_index(tmp_path / "arm64")["digest"]
    assert blobs_of(tmp_path / "out") == blobs_of(tmp_path / "arm64")
    assert set(asked) == {digest} | blobs_of(tmp_path / "arm64").keys()
    loaded = base_image.load(tmp_path / "out")
    assert base_image.platform_of(loaded.config) == ARM64 and len(loaded.layers) == 2
    with pytest.raises(ImageError, match="it has linux/amd64, linux/arm64"):
        base_image.fetch(digest, "linux/riscv64", reader(blobs), tmp_path / "none")
    with pytest.raises(ImageError, match="the board needs linux/amd64"):
        base_image.fetch(
            read_index(tmp_path / "arm64")["digest"], AMD64, reader(blobs), tmp_path / "no"
        )


def test_every_wrong_blob_is_refused(layouts: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    digest, blobs = layouts
    for name in {digest} | blobs_of(tmp_path / "amd64").keys():
        for content in (blobs[name][:-1], blobs[name] + b"\0", b"\0" + blobs[name][1:]):
            with pytest.raises(ImageError, match="wrong bytes"):
                base_image.fetch(digest, AMD64, reader(blobs | {name: content}), tmp_path / "out")


def store(blobs: dict[str, bytes], document: Any) -> str:
    """Add a document to some blobs; return its digest."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    blobs[digest] = content
    return digest


def image(blobs: dict[str, bytes], layer: bytes, diff_ids: list[str], **changes: Any) -> str:
    """Add an image of one layer; return the digest of its manifest."""
    platform = {"architecture": "amd64", "os": "linux"}
    config = store(blobs, {**platform, "rootfs": {"type": "layers", "diff_ids": diff_ids}})
    entry = {"mediaType": oci.LAYER, "digest": store(blobs, layer), "size": len(layer)} | changes
    described = {"mediaType": oci.CONFIG, "digest": config, "size": len(blobs[config])}
    manifest = {"mediaType": oci.MANIFEST, "config": described, "layers": [entry]}
    return store(blobs, manifest)


def digest_of(content: bytes) -> str:
    """The digest of some bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def test_a_configuration_that_does_not_fit_its_layers_is_refused(tmp_path: Path) -> None:
    blobs: dict[str, bytes] = {}
    tar, packed = b"tar" * 99, gzip.compress(b"tar" * 99)
    bad = {"diff_ids": [digest_of(b"other")], "count": [], "type": [digest_of(tar)]}
    for number, (name, ids) in enumerate(bad.items()):
        changes = {"mediaType": "application/x"} if name == "type" else {}
        digest = image(blobs, packed, ids, **changes)
        with pytest.raises(ImageError, match="not a valid|no valid configuration"):
            base_image.fetch(digest, AMD64, reader(blobs), tmp_path / str(number))
    wrong: tuple[dict[str, Any], ...]
    wrong = ({"urls": ["http://a/"]}, {"size": -1}, {"size": "1"}, {"digest": "../x"})
    for fields in wrong:
        digest = image(blobs, packed, [digest_of(tar)], **fields)
        with pytest.raises(ImageError, match="not a valid manifest"):
            base_image.fetch(digest, AMD64, reader(blobs), tmp_path / "more")
    for content in (b"{", b"[]", b"[" * 99_999, b'{"mediaType": "a"}', b'{"layers": []}'):
        with pytest.raises(ImageError):
            base_image.fetch(store(blobs, content), AMD64, reader(blobs), tmp_path / "none")


def test_layers_of_docker_keep_their_bytes(tmp_path: Path) -> None:
    blobs: dict[str, bytes] = {}
    tar = b"tar" * 99
    packed = gzip.compress(tar[:100]) + gzip.compress(tar[100:])  # two members
    kind = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    digest = image(blobs, packed, [digest_of(tar)], mediaType=kind)
    base_image.fetch(digest, AMD64, reader(blobs), tmp_path / "out")
    (layer,) = base_image.load(tmp_path / "out").layers
    assert layer.blob.media_type == oci.LAYER and layer.diff_id == digest_of(tar)
    assert blobs_of(tmp_path / "out")[layer.blob.digest] == packed


def test_an_image_on_a_base_has_its_layers_environment_and_history(tmp_path: Path) -> None:
    write_layout(tmp_path / "base", {"etc/a": b"1", "etc/b": b"2"})
    digest = read_index(tmp_path / "base")["digest"]
    base_image.fetch(digest, AMD64, reader(blobs_of(tmp_path / "base")), tmp_path / "in")
    loaded = base_image.load(tmp_path / "in")
    loaded.config["config"]["Env"] = ["PATH=/bin", "A=base"]
    config: dict[str, Any] = {
        "architecture": "amd64", "os": "linux", "config": {"Env": ["A=mine"]}
    }  # fmt: skip
    layers = loaded.copy(tmp_path / "out", config)
    assert config["config"]["Env"] == ["PATH=/bin", "A=mine"]
    assert [layer.blob.digest for layer in layers] == list(blobs_of(tmp_path / "out")) or len(
        layers
    ) == len(blobs_of(tmp_path / "out"))
    assert [entry["created_by"] for entry in loaded.history("now")] == ["base 1", "base 2"]
    loaded.config["history"] = [{"a": 1}, {"empty_layer": True}, {"b": 2}]
    assert len(loaded.history("now")) == 3
    with pytest.raises(ImageError, match="the base image is for linux/amd64"):
        loaded.copy(tmp_path / "x", {"architecture": "arm64", "os": "linux", "config": {}})


def test_assemble_puts_layers_on_a_base(tmp_path: Path) -> None:
    write_layout(tmp_path / "base", {"etc/a": b"1"})
    (tmp_path / "agent").write_bytes(b"agent")
    config = {"architecture": "amd64", "entrypoint": ["/agent"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    words = ["--file", f"agent={tmp_path}/agent:0755", "--config", str(tmp_path / "config.json")]
    words += ["--base", str(tmp_path / "base"), "--out", str(tmp_path / "out")]
    image = assemble.assemble(assemble.parser().parse_args(words))
    below = base_image.load(tmp_path / "base")
    assert image.layers[0] == below.layers[0] and len(image.layers) == 2
    manifest = json.loads(blobs_of(tmp_path / "out")[image.manifest.digest])
    assert manifest["annotations"][base_image.DIGEST_KEY] == below.digest


def test_linux_arm64_means_version_8() -> None:
    assert base_image.fits(ARM64, f"{ARM64}/v8") and base_image.fits(AMD64, AMD64)
    assert not base_image.fits("linux/arm/v7", "linux/arm/v6") and not base_image.fits(AMD64, ARM64)
