"""Images in a real registry: pushed, pulled and inspected by us and by other tools, by digest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildgraph.registry.documents import canonical, digest_of
from tests.support.image_layouts import blobs_of, merge_layouts, read_index, write_layout
from tests.support.registry_server import (
    PASSWORD,
    USER,
    RegistryOptions,
    RegistryServer,
    make_certificates,
    registry_server,
)
from tests.support.requirements import need
from tests.support.workspace import Space

pytest_plugins = ("tests.support.docker_daemon",)
pytestmark = pytest.mark.slow
MODEL = """
import numpy as np
def build():
    return dict(A=[np.array([[.9, .1], [.1, .9]])], B=[np.stack([np.eye(2), np.eye(2)[::-1]], -1)],
                C=[np.array([0., %s])], D=[np.array([.5, .5])])
"""
TABLES = """
[workspace]
name = "swarm"

[models.rat]
rule = "model"
source = "rat.py"

[models.cat]
rule = "model"
source = "cat.py"

[coalitions.rats]
rule = "coalition"
agents = { rat = "//models:rat" }

[coalitions.cats]
rule = "coalition"
agents = { cat = "//models:cat" }

[hardware.x86]
rule = "hardware"
profile = "x86-64-generic"

[hardware.pi5]
rule = "hardware"
profile = "raspberry-pi-5"

[exports.x86]
rule = "export"
coalition = "//coalitions:rats"
hardware = "//hardware:x86"

[exports.pi5]
rule = "export"
coalition = "//coalitions:cats"
hardware = "//hardware:pi5"

[indexes.all]
rule = "index"
exports = ["//exports:x86", "//exports:pi5"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A registry without a password and without TLS."""
    with registry_server(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace with one agent for each of two boards, and an index of both."""
    folder = tmp_path_factory.mktemp("swarm")
    workspace = Space(folder / "w", folder / "cache")
    workspace.write("BUILD.toml", TABLES)
    for name in ("rat", "cat"):
        workspace.write(f"{name}.py", MODEL % "1")
    return workspace


def pushed(space: Space, *words: str) -> dict[str, Any]:
    """Push with `--json`; return the event."""
    (event,) = [
        one for one in space.run("push", "--json", *words).events if one["event"] == "pushed"
    ]
    return dict(event)


def sent(event: dict[str, Any]) -> list[tuple[str, int]]:
    """(kind, size) of everything that was sent."""
    return [(item["kind"], item["size"]) for item in event["items"] if item["how"] == "sent"]


def test_a_push_of_one_changed_agent_sends_its_blobs_only(
    swarm: Space, server: RegistryServer
) -> None:
    place = f"{server.host}/swarm/all"
    first = pushed(swarm, "//indexes:all", f"{place}:v1")
    again = pushed(swarm, "//indexes:all", f"{place}:v1")
    swarm.write("cat.py", MODEL % "2")
    changed = pushed(swarm, "//indexes:all", f"{place}:v2")
    swarm.write("cat.py", MODEL % "1")
    print("all:", sent(first))
    print("again:", sent(again))
    print("one changed agent:", sent(changed))
    # Two images: the layers of program and board, and a configuration; manifests and the index.
    assert [kind for kind, _ in sent(first)] == [*["blob"] * 6, *["manifest"] * 2, "index"]
    assert sent(again) == []
    # The layer with the agent, the configuration that names the layer, its manifest, the index.
    assert [kind for kind, _ in sent(changed)] == ["blob", "blob", "manifest", "index"]
    layers = {item["digest"] for item in changed["items"] if item["how"] == "present"}
    assert layers <= {item["digest"] for item in first["items"]}
    out = swarm.run("push", "//exports:x86", f"{server.host}/swarm/x86")
    layout = swarm.root / "out/exports/x86/image"
    digest = read_index(layout)["digest"]
    assert out.out == f"{server.host}/swarm/x86:latest@{digest}\n"
    assert "sent: 3 blobs, 1 manifest" in out.err


def test_all_tools_agree_on_every_digest(
    server: RegistryServer, daemon: str, tmp_path: Path
) -> None:
    import docker

    space = Space(tmp_path, tmp_path / "cache")
    for arch in ("amd64", "arm64"):
        write_layout(tmp_path / arch, {"agent": arch.encode() * 99, "model": b"shared"}, arch)
    index = merge_layouts(tmp_path / "all", [tmp_path / "amd64", tmp_path / "arm64"])
    place = f"{server.host}/tools/all"
    assert pushed(space, "all", f"{place}:v1")["digest"] == index
    run = subprocess.run(
        [need("skopeo"), "inspect", "--tls-verify=false", "--raw", f"docker://{place}:v1"],
        capture_output=True,
        check=True,
    )
    assert digest_of(run.stdout) == index
    space.run("pull", f"{place}@{index}", "--to", "pulled")
    assert blobs_of(tmp_path / "pulled") == blobs_of(tmp_path / "all")
    amd64 = read_index(tmp_path / "amd64")["digest"]
    config = json.loads(blobs_of(tmp_path / "amd64")[amd64])["config"]["digest"]
    client = docker.DockerClient(base_url=daemon, version="auto")
    try:
        image = client.images.pull(f"{place}@{index}")
        assert image.attrs["RepoDigests"] == [f"{place}@{index}"]
        assert image.id in (config, index, amd64)
    finally:
        client.close()
    copied = tmp_path / "copied"
    words = [need("skopeo"), "copy", "--src-tls-verify=false", "--all"]
    subprocess.run(
        [*words, f"docker://{place}@{index}", f"oci:{copied}:v1"], check=True, capture_output=True
    )
    assert read_index(copied)["digest"] == index and blobs_of(copied) == blobs_of(tmp_path / "all")
    space.run("pull", f"{place}:v1@{index}", "--to", "one", "--platform", "linux/amd64")
    words = [need("umoci"), "unpack", "--rootless", "--image", "one:v1", "bundle"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "bundle/rootfs/agent").read_bytes() == b"amd64" * 99
    assert podman_digest(place, amd64) == amd64


def podman_digest(place: str, digest: str) -> str:
    """Pull by digest with podman; return the digest that it has for the image."""
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:
        places = ["--root", f"{folder}/root", "--runroot", f"{folder}/run"]
        words = [need("podman"), *places, "--storage-driver", "vfs"]
        run = subprocess.run(
            [*words, "pull", "-q", "--tls-verify=false", f"{place}@{digest}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        shown = subprocess.run(
            [*words, "image", "inspect", "--format", "{{.Digest}}", run.stdout.strip()],
            capture_output=True,
            text=True,
            check=True,
        )
    return shown.stdout.strip()


def test_a_password_tls_and_a_tag_without_a_digest(tmp_path: Path) -> None:
    ca = make_certificates(tmp_path / "tls")
    space = Space(tmp_path, tmp_path / "cache", {"DOCKER_CONFIG": str(tmp_path / "docker")})
    digest = write_layout(tmp_path / "image", {"agent": b"1"})
    with registry_server(tmp_path, RegistryOptions(True, tmp_path / "tls")) as server:
        place = f"{server.host}/robots/one"
        refused = space.run("push", "image", place, code=30).err
        assert "TLS failed" in refused and "--ca FILE" in refused
        refused = space.run("push", "image", place, "--ca", str(ca), code=30).err
        assert f"docker login {server.host}" in refused
        login = [need("skopeo"), "login", "--authfile", str(tmp_path / "docker/config.json")]
        (tmp_path / "docker").mkdir()
        words = [*login, "--tls-verify=false", "-u", USER, "-p", PASSWORD, server.host]
        subprocess.run(words, check=True, capture_output=True)
        space.run("push", "image", place, "--ca", str(ca))
        refused = space.run("pull", place, "--ca", str(ca), code=2).err
        assert f"{place}@{digest}" in refused and not (tmp_path / "one").exists()
        space.env["SSL_CERT_FILE"] = str(ca)
        assert space.run("pull", f"{place}@{digest}").out == f"{digest}\n"
    assert blobs_of(tmp_path / "one") == blobs_of(tmp_path / "image")


def release(folder: Path, layout: Path, digest: str) -> None:
    """Write what `push` reads of a release of one image."""
    shutil.copytree(layout, folder / "exports-x86")
    image = {"label": "//exports:x86", "name": "exports-x86", "image": {"digest": digest}}
    document = {"schema": 1, "tag": "v1.4.0", "targets": [image, {"label": "//docs:page"}]}
    (folder / "release.json").write_bytes(canonical(document))
    for name in ("exports-x86.cdx.json", "exports-x86.provenance.json", "SHA256SUMS"):
        (folder / name).write_text(f"content of {name}")


def test_a_release_is_pushed_with_what_was_said_about_it(
    server: RegistryServer, tmp_path: Path
) -> None:
    space = Space(tmp_path, tmp_path / "cache")
    space.write("BUILD.toml", '[workspace]\nname = "swarm"\n')
    digest = write_layout(tmp_path / "image", {"agent": b"1"})
    release(tmp_path / "releases/v1.4.0", tmp_path / "image", digest)
    event = pushed(space, "v1.4.0", f"{server.host}/released")
    assert event["reference"] == f"{server.host}/released/exports-x86:v1.4.0@{digest}"
    assert [item["kind"] for item in event["items"]].count("referrer") == 3
    assert sent(pushed(space, "v1.4.0", f"{server.host}/released")) == []
    tag = digest.replace(":", "-")
    words = ["inspect", "--tls-verify=false", "--raw"]
    place = f"docker://{server.host}/released/exports-x86:{tag}"
    run = subprocess.run([need("skopeo"), *words, place], capture_output=True, check=True)
    kinds = [entry["artifactType"] for entry in json.loads(run.stdout)["manifests"]]
    assert kinds == [
        "application/vnd.cyclonedx+json",
        "application/vnd.in-toto+json",
        "application/vnd.buildgraph.release.v1+json",
    ]
    image = event["reference"]
    space.run("pull", image, "--to", "exports-x86", "--documents", "documents")
    for path in (tmp_path / "documents").iterdir():
        assert path.read_bytes() == (tmp_path / "releases/v1.4.0" / path.name).read_bytes()
    assert {path.name for path in (tmp_path / "documents").iterdir()} == {
        *("release.json", "exports-x86.cdx.json", "exports-x86.provenance.json", "SHA256SUMS")
    }
    assert "documents exists" in space.run("pull", image, "--documents", "documents", code=2).err
    refused = space.run("push", "v1.4.0", f"{server.host}/released:v2", code=2).err
    assert "has a tag of its own" in refused
    refused = space.run("push", "v9", f"{server.host}/released", code=2).err
    assert "'v9' is not a label, a release or a folder" in refused
    other = write_layout(tmp_path / "other", {"agent": os.urandom(9)})
    release(tmp_path / "releases/v1.5.0", tmp_path / "image", other)
    assert "release.json names" in space.run("push", "v1.5.0", f"{server.host}/r", code=3).err
