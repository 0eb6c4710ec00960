"""A release of real exports: two boards, and an index of both."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from buildgraph.release.image_layout import blob_path, platform_images, top_descriptor
from buildgraph.release.sbom import owners
from tests.support.release_workspace import GIT, commit, git
from tests.support.requirements import need
from tests.support.workspace import Space

pytestmark = pytest.mark.slow
INDEX = """
[exports.all]
rule = "index"
exports = ["//exports:rooms.pi", "//exports:rooms.x86"]
"""


@pytest.fixture
def released(rooms: Space) -> Path:
    """The folder of a release of the example."""
    rooms.env.update(GIT)
    text = (rooms.root / "BUILD.toml").read_text()
    rooms.write("BUILD.toml", text + INDEX)
    rooms.write(".gitignore", "/out/\n/.buildgraph/\n/releases/\n")
    git(rooms.root, "init", "-q")
    commit(rooms)
    rooms.run("release", "//exports:*", "--tag", "v1", "--unsigned", "--once")
    return rooms.root / "releases/v1"


def paths_in_layers(layout: Path, manifest: dict[str, list[dict[str, str]]]) -> list[str]:
    """The paths of all layers of an image, as Python's tarfile reads them."""
    paths = []
    for layer in manifest["layers"]:
        with tarfile.open(blob_path(layout, layer["digest"])) as archive:
            paths += ["/" + member.name for member in archive]
    return paths


def test_two_boards_and_their_index(released: Path) -> None:
    release = json.loads((released / "release.json").read_bytes())
    assert [target["name"] for target in release["targets"]] == [
        "exports-all",
        "exports-rooms.pi",
        "exports-rooms.x86",
    ]
    gates = {(gate["label"], gate["gate"]): gate["verdict"] for gate in release["checks"]["gates"]}
    assert len(gates) >= 4 and set(gates.values()) == {"passed"}
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    for target in release["targets"]:
        layout = released / target["name"]
        text = (released / f"{target['name']}.cdx.json").read_text()
        assert validator.validate_str(text) is None
        for image in platform_images(layout, top_descriptor(layout)):
            owned = owners(json.loads(text), image.platform)
            assert sorted(owned) == sorted(paths_in_layers(layout, dict(image.manifest)))
            assert {len(components) for components in owned.values()} == {1}
        words = [need("skopeo"), "inspect", "--raw", f"oci:{layout}:v1"]
        raw = subprocess.run(words, capture_output=True, check=True).stdout
        annotations = json.loads(raw)["annotations"]
        assert annotations["org.opencontainers.image.version"] == "v1"
    both = release["targets"][0]["image"]["platforms"]
    single = [target["image"]["platforms"][0] for target in release["targets"][1:]]
    assert [platform["layers"] for platform in both] == [
        platform["layers"]
        for platform in sorted(single, key=lambda platform: str(platform["platform"]))
    ]
