"""Names of images in layouts and in Docker, and the notes of `load` and `run` on them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest

from buildgraph.cli.verbs import run as run_verb
from buildgraph.docker import client, oci_layout
from buildgraph.types.errors import BuildError
from tests.support.requirements import need
from tests.support.workspace import Space

pytest_plugins = ("tests.support.docker_daemon",)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("image-names")]
TABLES = """
[coalitions.served]
rule = "coalition"
agents = { forager = "//models:forager" }
io = "http"

[exports.web]
rule = "export"
coalition = "//coalitions:served"
hardware = "//hardware:x86"

[indexes.all]
rule = "index"
exports = ["//exports:x86", "//exports:pi5"]
"""


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The workspace of `init` with an export that serves HTTP, and indexes; all built."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "swarm").mkdir()
    workspace = Space(folder / "swarm", folder / "cache")
    workspace.run("init")
    workspace.write("BUILD.toml", (workspace.root / "BUILD.toml").read_text() + TABLES)
    workspace.run("build", "--no-gates", "//...")
    return workspace


def image(space: Space, label: str) -> Path:
    """The layout of `//exports:x86` or `//indexes:all`."""
    return space.root / "out" / label.removeprefix("//").replace(":", "/") / "image"


def index(space: Space, label: str) -> dict[str, Any]:
    """The only descriptor in a layout's index."""
    (descriptor,) = json.loads((image(space, label) / "index.json").read_bytes())["manifests"]
    return dict(descriptor)


def packed(folder: Path, target: Path) -> Path:
    """The layout as a tar."""
    with tarfile.open(target, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    return target


@pytest.mark.parametrize("label", ["//exports:x86", "//exports:web", "//indexes:all"])
def test_a_layout_names_its_image(swarm: Space, label: str) -> None:
    name = "swarm/" + label.removeprefix("//").replace(":", "/") + ":latest"
    assert index(swarm, label)["annotations"] == {
        "io.containerd.image.name": f"docker.io/{name}",
        "org.opencontainers.image.ref.name": "latest",
    }
    if "exports" in label:
        assert json.loads((image(swarm, label) / "manifest.json").read_bytes())[0]["RepoTags"] == [
            name
        ]


def test_a_name_is_not_part_of_an_image(swarm: Space, tmp_path: Path) -> None:
    """Another workspace builds the same images and indexes, by digest, under its own name."""
    other = Space(tmp_path / "other", swarm.cache)
    shutil.copytree(swarm.root, other.root, ignore=shutil.ignore_patterns("out", ".buildgraph"))
    text = (other.root / "BUILD.toml").read_text()
    other.write("BUILD.toml", text.replace('name = "swarm"', 'name = "hive"'))
    other.run("build", "--no-gates", "//exports:x86", "//indexes:all")
    for label in ("//exports:x86", "//indexes:all"):
        assert index(other, label)["digest"] == index(swarm, label)["digest"]
        assert index(other, label)["annotations"]["io.containerd.image.name"].startswith(
            "docker.io/hive/"
        )
    blob = (
        image(swarm, "//indexes:all")
        / "blobs"
        / index(swarm, "//indexes:all")["digest"].replace(":", "/")
    ).read_bytes()
    assert all(
        set(one) == {"mediaType", "digest", "size", "platform"}
        for one in json.loads(blob)["manifests"]
    )


def test_an_image_that_listens_exposes_its_port(swarm: Space) -> None:
    assert oci_layout.select_image(image(swarm, "//exports:web")).ports == (8080,)
    assert oci_layout.select_image(image(swarm, "//exports:x86")).ports == ()


def test_umoci_and_skopeo_find_the_tag(swarm: Space, tmp_path: Path) -> None:
    umoci, skopeo, folder = need("umoci"), need("skopeo"), image(swarm, "//exports:x86")
    assert (
        subprocess.run(
            [umoci, "ls", "--layout", folder], capture_output=True, text=True, check=True
        ).stdout
        == "latest\n"
    )
    words = [umoci, "unpack", "--rootless", "--image", f"{folder}:latest", str(tmp_path / "bundle")]
    subprocess.run(words, check=True, capture_output=True)
    assert (tmp_path / "bundle/rootfs/agent").read_bytes() == (folder.parent / "agent").read_bytes()
    ran = subprocess.run(
        [skopeo, "inspect", f"oci:{folder}:latest"], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout)["Digest"] == index(swarm, "//exports:x86")["digest"]


def test_podman_imports_under_the_name(swarm: Space, tmp_path: Path) -> None:
    podman, archive = need("podman"), packed(image(swarm, "//exports:x86"), tmp_path / "image.tar")
    with tempfile.TemporaryDirectory(
        prefix="podman-"
    ) as folder:  # the path of --runroot has 50 bytes at most
        words = [
            podman,
            "--root",
            f"{folder}/root",
            "--runroot",
            f"{folder}/run",
            "--storage-driver",
            "vfs",
        ]
        done = subprocess.run(
            [*words, "load", "-i", str(archive)], capture_output=True, text=True, check=False
        )
    assert "docker.io/swarm/exports/x86:latest" in done.stdout, done.stderr


def test_containerd_imports_under_the_name(swarm: Space, daemon: str, tmp_path: Path) -> None:
    """k3s imports the images in its folder in this way."""
    socket = Path(daemon.removeprefix("unix://")).parent / "exec/containerd/containerd.sock"
    words = [need("ctr"), "--address", str(socket), "--namespace", "names", "images"]
    for label in ("//exports:x86", "//indexes:all"):
        archive = packed(image(swarm, label), tmp_path / "image.tar")
        subprocess.run(
            [*words, "import", "--all-platforms", str(archive)],
            capture_output=True,
            text=True,
            check=True,
        )
    listed = subprocess.run(
        [*words, "ls"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1:]
    assert {line.split()[0]: line.split()[2] for line in listed} == {
        "docker.io/swarm/exports/x86:latest": index(swarm, "//exports:x86")["digest"],
        "docker.io/swarm/indexes/all:latest": index(swarm, "//indexes:all")["digest"],
    }


def test_docker_loads_the_layout_under_its_name_and_the_verb_under_the_name_asked_for(
    swarm: Space, daemon: str, tmp_path: Path
) -> None:
    import docker

    swarm.env["DOCKER_HOST"] = daemon
    client = docker.DockerClient(base_url=daemon, version="auto")
    try:
        swarm.run("load", "//exports:web", "--tag", "mine:1")
        assert [
            tag for one in client.images.list() for tag in one.tags if "web" in tag or "mine" in tag
        ] == ["mine:1"]
        with packed(image(swarm, "//exports:web"), tmp_path / "image.tar").open("rb") as archive:
            client.images.load(archive)
        assert {tag for one in client.images.list() for tag in one.tags if "web" in tag} == {
            "swarm/exports/web:latest"
        }
    finally:
        client.close()


def test_of_an_index_the_hosts_platform_is_loaded(swarm: Space, daemon: str) -> None:
    swarm.env["DOCKER_HOST"] = daemon
    one, all_ = swarm.run("load", "//exports:x86"), swarm.run("load", "//indexes:all")
    assert one.out == all_.out
    assert (
        "loaded swarm/indexes/all:latest for linux/amd64\nnext: docker run --rm -i --network none "
        in all_.err
    )
    folder = image(swarm, "//indexes:all")
    assert (
        oci_layout.select_image(folder, "arm64").manifest == index(swarm, "//exports:pi5")["digest"]
    )
    with pytest.raises(
        BuildError,
        match="holds images for linux/amd64, linux/arm64/v8, and Docker here runs linux/riscv64",
    ):
        oci_layout.select_image(folder, "riscv64")


def test_an_image_for_another_processor_is_named(swarm: Space, daemon: str) -> None:
    swarm.env["DOCKER_HOST"] = daemon
    notes = swarm.run("load", "//exports:pi5").err
    assert "loaded swarm/exports/pi5:latest for linux/arm64" in notes
    assert (
        "note: //exports:pi5 (board raspberry-pi-5) is for linux/arm64" in notes
        and "Docker here runs linux/amd64" in notes
    )
    ran = subprocess.run(
        swarm.command("run", "//exports:pi5"),
        cwd=swarm.root,
        env=swarm.environ(),
        input="",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "//exports:pi5 (board raspberry-pi-5) is for linux/arm64" in ran.stderr
    if ran.returncode:  # no emulator is set up here
        assert (
            ran.returncode == 30
            and "qemu-user-static" in ran.stderr.splitlines()[-1]
            and "exec format" not in ran.stderr
        )


def test_a_port_that_nothing_reaches_is_reported(swarm: Space, daemon: str) -> None:
    swarm.env["DOCKER_HOST"] = daemon
    command = swarm.command("run", "//exports:web")
    with subprocess.Popen(
        command,
        cwd=swarm.root,
        env=swarm.environ(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr
        notes = list[str]()
        for line in iter(child.stderr.readline, ""):
            notes.append(line)
            if line.startswith("listening"):
                break
        child.terminate()
    assert any(
        "its container has no network" in line
        and "buildgraph run //exports:web -p 8080:8080" in line
        for line in notes
    )
    for words, error in (
        (("//exports:web", "-p", "8081:81"), "nothing in //exports:web listens on port 81"),
        (("//exports:x86", "-p", "8080:8080"), "nothing in //exports:x86 listens on port 8080"),
    ):
        refused = swarm.run("run", *words, code=2).err
        assert (error in refused and "listens on 8080" in refused) or 'io = "http"' in refused


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("8080:80", ("127.0.0.1", 8080, 80)),
        ("0.0.0.0:1:65535", ("0.0.0.0", 1, 65535)),
        ("[::1]:8080:80", ("::1", 8080, 80)),
        ("80", None),
        ("", None),
        ("a:80", None),
        ("0:80", None),
        ("80:65536", None),
        ("localhost:80:80", None),
        ("80:80/udp", None),
        ("1:2:3:4", None),
        ("²:80", None),
    ],
)
def test_ports_that_are_published(text: str, ports: tuple[str, int, int] | None) -> None:
    if ports:
        assert run_verb.parse_port(text) == ports
        return
    with pytest.raises(BuildError, match="not a valid port mapping") as refused:
        run_verb.parse_port(text)
    assert refused.value.reason == "usage" and "-p 8080:8080" in refused.value.fix


def test_a_container_with_a_port_has_a_network_and_is_as_confined(
    swarm: Space, daemon: str
) -> None:
    import docker

    swarm.env["DOCKER_HOST"] = daemon
    loaded = swarm.run("load", "//exports:web").out.strip()
    engine = docker.DockerClient(base_url=daemon, version="auto")
    try:
        name = client._create(
            engine.api, loaded, (), client.ContainerLimits(ports=(("127.0.0.1", 8081, 8080),))
        )
        container = engine.api.inspect_container(name)
        engine.api.remove_container(name)
    finally:
        engine.close()
    host = container["HostConfig"]
    assert (
        host["PortBindings"] == {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]}
        and host["NetworkMode"] == "bridge"
    )
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["SecurityOpt"]) == (
        True,
        ["ALL"],
        ["no-new-privileges"],
    )
