"""The content of images: layers, files as a container sees them, and damaged images."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from buildgraph.explain.image_content import LayoutSource, read_images
from buildgraph.explain.image_diff import diff_images
from buildgraph.types.errors import BuildError
from tests.support.image_layouts import merge_layouts, write_layout

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def layer(**files: str | None) -> bytes:
    """A layer: files with content, folders (None), and `A__B` is the path `A/B`."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(
                name.replace("__", "/").replace("OPAQUE", ".wh..wh..opq").replace("WH", ".wh.")
            )
            if content is None:
                member.type = tarfile.DIRTYPE
            elif content.startswith("->"):
                member.type, member.linkname = tarfile.SYMTYPE, content[2:]
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO((content or "").encode()))
    return gzip.compress(stream.getvalue())


def image(folder: Path, *layers: bytes, **config: Any) -> LayoutSource:
    """A layout of one image with these layers."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def store(kind: str, content: bytes) -> dict[str, Any]:
        name = hashlib.sha256(content).hexdigest()
        (blobs / name).write_bytes(content)
        return {"mediaType": kind, "digest": f"sha256:{name}", "size": len(content)}

    document = {"os": "linux", "architecture": "amd64", **config}
    manifest = {
        "mediaType": MANIFEST,
        "config": store(CONFIG, json.dumps(document).encode()),
        "layers": [store(LAYER, one) for one in layers],
    }
    entry = store(MANIFEST, json.dumps(manifest).encode())
    (folder / "index.json").write_text(json.dumps({"manifests": [entry]}))
    return LayoutSource(folder)


def test_files_are_those_that_a_container_sees(tmp_path: Path) -> None:
    below = layer(
        etc=None, etc__a="1", etc__b="2", opt=None, opt__x="3", link="->etc/a", d=None, d__f="4"
    )
    above = layer(etc__WHa="", etc__b="22", opt__OPAQUE="", opt__y="5", d="file now")
    (one,) = read_images(image(tmp_path / "one", below, above))
    visible = one.visible()
    assert {path: number for path, (_, number) in visible.items()} == {
        "etc": 0,
        "etc/b": 1,
        "opt": 0,
        "opt/y": 1,
        "link": 0,
        "d": 1,
    }
    assert visible["link"][0].target == "etc/a" and one.platform == "linux/amd64"
    assert one.read("etc/b", 1) == b"22" and one.read("etc/b", 0) == b"2"
    assert visible["etc/b"][0].digest == "sha256:" + hashlib.sha256(b"22").hexdigest()


def test_of_an_index_all_platforms_are_read_or_one(tmp_path: Path) -> None:
    for arch in ("amd64", "arm64"):
        write_layout(tmp_path / arch, {"agent": arch.encode()}, arch)
    merge_layouts(tmp_path / "all", [tmp_path / "amd64", tmp_path / "arm64"])
    source = LayoutSource(tmp_path / "all")
    assert [one.platform for one in read_images(source)] == ["linux/amd64", "linux/arm64"]
    assert len(read_images(source, "linux/arm64")) == 1
    with pytest.raises(BuildError, match="no image for linux/s390x") as refused:
        read_images(source, "linux/s390x")
    assert "linux/arm64" in refused.value.fix


def test_every_difference_is_named(tmp_path: Path) -> None:
    (old,) = read_images(
        image(
            tmp_path / "a",
            layer(base="1"),
            layer(agent="one\ntwo\n", gone="x"),
            config={"User": "1"},
        )
    )
    (new,) = read_images(
        image(
            tmp_path / "b",
            layer(base="1"),
            layer(agent="one\nTWO\n", new="y"),
            config={"User": "2"},
        )
    )
    texts = [f"{one.change} {one.what} {one.name}: {one.detail}" for one in diff_images(old, new)]
    assert texts[0] == "changed config config.User: 1 -> 2"
    assert texts[1].startswith("changed layer 2: sha256:")
    assert texts[2:] == [
        r"changed file agent: line 2: 'two\n' -> 'TWO\n'",
        "removed file gone: 1 bytes",
        "added file new: 1 bytes",
    ]
    assert diff_images(old, old) == []


def test_a_layer_that_is_packed_otherwise_has_no_changed_file(tmp_path: Path) -> None:
    content = layer(agent="1" * 500)
    other = gzip.compress(gzip.decompress(content), 1, mtime=7)
    (old,), (new,) = (
        read_images(image(tmp_path / name, one)) for name, one in (("a", content), ("b", other))
    )
    (difference,) = diff_images(old, new)
    assert difference.what == "layer" and "packed otherwise" in difference.detail


def test_damaged_images_are_refused(tmp_path: Path) -> None:
    for name, content in (("text", b"no tar"), ("torn", layer(a="1" * 9999)[:-20])):
        with pytest.raises(BuildError, match="cannot be read"):
            read_images(image(tmp_path / name, content))
    source = image(tmp_path / "flipped", layer(a="1"))
    (one,) = read_images(source)
    path = tmp_path / "flipped/blobs" / one.layers[0].descriptor.digest.replace(":", "/")
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(BuildError, match="is damaged") as refused:
        read_images(source)
    assert refused.value.code == 3
    with pytest.raises(BuildError, match="not an OCI image layout"):
        LayoutSource(tmp_path).roots()
