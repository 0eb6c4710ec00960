"""Exports on a base image: fetched once by digest, verified, for the right platform, unchanged."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.image_layouts import blobs_of, merge_layouts, read_index, write_layout
from tests.support.registry_server import RegistryServer, registry_server
from tests.support.requirements import need
from tests.support.workspace import Space

pytestmark = pytest.mark.slow
TABLES = """
[bases.small]
rule = "base_image"
image = "%s"

[exports.based]
rule = "export"
coalition = "//coalitions:foragers"
hardware = "//hardware:x86"
base = "//bases:small"
"""


class Ground:
    """A workspace whose export has a base in a registry; the base is an index of two platforms."""

    def __init__(self, folder: Path, server: RegistryServer) -> None:
        self.server = server
        (folder / "swarm").mkdir()
        self.space = Space(folder / "swarm", folder / "cache")
        self.layouts = folder / "layouts"
        self.layouts.mkdir()
        for arch in ("amd64", "arm64"):
            files = {"etc/os-release": arch.encode() * 500, "usr/share/zone": b"shared" * 50}
            write_layout(self.layouts / arch, files, arch)
        self.index = merge_layouts(
            self.layouts / "all", [self.layouts / "amd64", self.layouts / "arm64"]
        )
        self.reference = f"{server.host}/bases/small:1"
        self.space.run("init")
        self.space.run("push", str(self.layouts / "all"), self.reference)
        self.declare(f"{self.reference}@{self.index}")

    def declare(self, image: str, more: str = "") -> None:
        """Write BUILD.toml with a base image."""
        text = (self.space.root / "BUILD.toml").read_text().partition("\n[bases")[0]
        self.space.write("BUILD.toml", text + TABLES.replace('"%s"', f'"{image}"\n{more}'))

    def layers(self) -> list[str]:
        """The digests of the layers of the base for amd64."""
        blobs = blobs_of(self.layouts / "amd64")
        manifest = json.loads(blobs[read_index(self.layouts / "amd64")["digest"]])
        return [layer["digest"] for layer in manifest["layers"]]

    def image(self) -> tuple[Path, dict[str, Any], dict[str, Any]]:
        """The layout of the export, its manifest and its configuration."""
        layout = self.space.root / "out/exports/based/image"
        blobs = blobs_of(layout)
        manifest = json.loads(blobs[read_index(layout)["digest"]])
        return layout, manifest, json.loads(blobs[manifest["config"]["digest"]])


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A workspace and a registry with its base image; the export is built."""
    with registry_server(tmp_path_factory.mktemp("registry")) as server:
        folder = tmp_path_factory.mktemp("based")
        ready = Ground(folder, server)
        ready.space.run("build", "//exports:based")
        yield ready


def test_the_layers_of_the_base_are_unchanged(ground: Ground, tmp_path: Path) -> None:
    layout, manifest, config = ground.image()
    layers = [layer["digest"] for layer in manifest["layers"]]
    assert layers[:-2] == ground.layers() and len(layers) == 4
    base = blobs_of(ground.layouts / "amd64")
    assert all(blobs_of(layout)[digest] == base[digest] for digest in ground.layers())
    assert len(config["history"]) == len(config["rootfs"]["diff_ids"]) == 4
    assert config["config"]["Entrypoint"] == ["/agent"]
    notes = manifest["annotations"]
    assert notes["org.opencontainers.image.base.name"] == ground.reference
    expected = read_index(ground.layouts / "amd64")["digest"]
    assert notes["org.opencontainers.image.base.digest"] == expected
    words = ["unpack", "--rootless", "--image", f"{layout}:latest", str(tmp_path / "bundle")]
    subprocess.run([need("umoci"), *words], check=True, capture_output=True)
    root = tmp_path / "bundle/rootfs"
    assert (root / "etc/os-release").read_bytes() == b"amd64" * 500
    assert (root / "agent").read_bytes() == (layout.parent / "agent").read_bytes()


def test_only_what_the_platform_needs_is_fetched_and_only_once(ground: Ground) -> None:
    asked = [line for line in ground.server.requests() if line.startswith("GET")]
    fetched = {line.split()[1].rpartition("/")[2] for line in asked if "/blobs/" in line}
    arm64 = blobs_of(ground.layouts / "arm64").keys() - blobs_of(ground.layouts / "amd64").keys()
    assert set(ground.layers()) <= fetched and not fetched & arm64
    count = len(ground.server.requests())
    # Without outputs and state, everything is taken from the cache.
    for name in ("out", ".buildgraph"):
        shutil.rmtree(ground.space.root / name)
    ran = ground.space.build("//exports:based")
    assert "get the base image" in ran.titles("hit") and ran.titles() == []
    assert len(ground.server.requests()) == count
    # Targets without the base do not fetch it.
    other = ground.space.build("--no-gates", "//bases:small")
    assert "get the base image" not in other.titles() + other.titles("hit")


def test_a_layout_in_the_workspace_gives_the_same_image(ground: Ground) -> None:
    digest = read_index(ground.image()[0])["digest"]
    image = f"{ground.reference}@{ground.index}"
    shutil.copytree(ground.layouts / "all", ground.space.root / "vendored")
    ground.declare(image, 'layout = ["vendored/**"]')
    ran = ground.space.build("//exports:based")
    assert "get the base image" in ran.titles()
    assert read_index(ground.image()[0])["digest"] == digest
    blob = next(iter(ground.layers()))
    path = ground.space.root / "vendored/blobs" / blob.replace(":", "/")
    path.chmod(0o644)
    path.write_bytes(b"other")
    refused = ground.space.run("build", "//exports:based", code=2).err
    assert f"wrong bytes for {blob}" in refused and "BUILD.toml" in refused
    shutil.rmtree(ground.space.root / "vendored")
    ground.declare(image)
    ground.space.run("build", "//exports:based")


def test_the_base_is_mounted_when_the_image_is_pushed(ground: Ground) -> None:
    place = f"{ground.server.host}/robots/based:1"
    events = ground.space.run("push", "--json", "//exports:based", place).events
    mounted = {item["digest"] for item in events[-1]["items"] if item["how"] == "mounted"}
    assert mounted == set(ground.layers())


def test_wrong_declarations_are_refused(ground: Ground) -> None:
    image = f"{ground.reference}@{ground.index}"
    try:
        for text, problem in (
            (ground.reference, "a tag can move"),
            (f"small@{ground.index}", "name the registry"),
        ):
            ground.declare(text)
            assert problem in ground.space.run("build", "//exports:based", code=2).err
        ground.declare(image, 'layout = ["models/*"]')
        refused = ground.space.run("build", "//exports:based", code=2).err
        assert "index.json" in refused
        ground.declare(f"{ground.reference}@sha256:{'0' * 64}")
        refused = ground.space.run("build", "//exports:based", code=1).err
        assert "status 404" in refused
        write_layout(ground.layouts / "s390x", {"a": b"1"}, "s390x")
        place = f"{ground.server.host}/bases/other:1"
        pushed = ground.space.run("push", str(ground.layouts / "s390x"), place).out
        ground.declare(pushed.strip())
        refused = ground.space.run("build", "//exports:based", code=2).err
        assert "is an image for linux/s390x, and the board needs linux/amd64" in refused
    finally:
        ground.declare(image)


def test_images_are_shown_and_compared(ground: Ground, tmp_path: Path) -> None:
    shown = ground.space.run("image", "show", "//exports:based", "--files").out
    assert "linux/amd64" in shown and "etc/os-release" in shown and "layer 3" in shown
    remote = ground.space.run("image", "show", "--json", f"{ground.reference}@{ground.index}")
    (document,) = remote.events
    assert [one["platform"] for one in document["images"]] == ["linux/amd64", "linux/arm64"]
    words = ["image", "diff", "//exports:x86", "//exports:based"]
    compared = ground.space.run(*words).out
    assert "+ file etc/os-release: 2500 bytes" in compared
    assert "agent" not in [
        line.split()[2] for line in compared.splitlines()[1:] if " file " in line
    ]
