"""The last metadata step."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ociimage import tar

from buildgraph.release.image_layout import platform_images, read_document, top_descriptor
from buildgraph.release.stamp import Stamp, rfc3339, stamp_labels, stamp_layout
from tests.support.oci_layouts import write_index, write_layout

SOURCE = {"commit": "c" * 40, "time": 1_700_000_000}
LABELS = stamp_labels("v1", SOURCE, "")


def stamp(folder: Path, tag: str = "v1") -> str:
    """Stamp a layout as swarm/agent with a tag."""
    labels = stamp_labels(tag, SOURCE, "")
    return stamp_layout(folder, Stamp(labels, rfc3339(1_700_000_000), f"swarm/agent:{tag}"))


def names(folder: Path) -> set[str]:
    """The blobs of a layout, whose bytes are checked."""
    paths = list((folder / "blobs/sha256").iterdir())
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in paths)
    return {path.name for path in paths}


def test_labels_that_are_not_known_are_left_out() -> None:
    keys = [key.rpartition(".")[2] for key in LABELS]
    assert keys == ["version", "revision", "created"]
    labels = stamp_labels("v1", {**SOURCE, "url": "https://x"}, "MIT")
    assert labels["org.opencontainers.image.source"] == "https://x"
    assert labels["org.opencontainers.image.licenses"] == "MIT"


def test_every_platform_of_an_index_is_stamped(tmp_path: Path) -> None:
    folder = write_index(tmp_path)
    before = names(folder)
    digest = stamp(folder)
    top = top_descriptor(folder)
    assert top["digest"] == digest
    assert top["annotations"]["io.containerd.image.name"] == "docker.io/swarm/agent:v1"
    index = read_document(folder, top)
    assert index["annotations"] == LABELS
    for descriptor, image in zip(index["manifests"], platform_images(folder, top), strict=True):
        assert descriptor["platform"]["architecture"] in image.platform
        assert image.manifest["annotations"].items() >= LABELS.items()
        assert image.config["config"]["Labels"] == {"a": "b", **LABELS}
        assert image.config["created"] == "2023-11-14T22:13:20Z"
    after = names(folder)
    assert len(before) == len(after) == 7 and len(before & after) == 2  # the layers


def test_a_stamp_is_a_function_of_image_and_tag(tmp_path: Path) -> None:
    content = [[tar.Entry("agent", source=b"1")]]
    first, second = (write_layout(tmp_path / name, content) for name in ("a", "b"))
    assert stamp(first) == stamp(second) and names(first) == names(second)
    assert stamp(second, "v2") != stamp(first)
    [docker] = json.loads((second / "manifest.json").read_bytes())
    assert docker["RepoTags"] == ["swarm/agent:v2"]
    [image] = platform_images(second, top_descriptor(second))
    assert docker["Config"] == "blobs/" + image.manifest["config"]["digest"].replace(":", "/")
