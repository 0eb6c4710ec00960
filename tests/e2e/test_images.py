"""The images of the example, in skopeo, in Docker and under emulation."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.requirements import need
from tests.support.small_filesystems import EXAMPLES, image
from tests.support.workspace import Space

pytest_plugins = ("tests.support.docker_daemon",)
pytestmark = pytest.mark.slow
ANSWERS = (EXAMPLES / "npz/README.md").read_text().rpartition("```json\n")[2].removesuffix("```\n")
TICKS = (EXAMPLES / "npz/ticks.jsonl").read_text()


def run(words: list[str], text: str = "") -> str:
    """Run a program, which must succeed, and return its stdout."""
    result = subprocess.run(
        words, input=text, capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, f"{words}: {result.stderr}"
    return result.stdout


def layout(space: Space, export: str) -> Path:
    """Return the folder of an export's image."""
    return space.root / "out/exports" / export / "image"


def blob(folder: Path, digest: str) -> bytes:
    """Read a blob of a layout, and check its digest."""
    data = (folder / "blobs" / digest.replace(":", "/")).read_bytes()
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    return data


def config(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the digest and the content of an image's configuration."""
    index = json.loads((folder / "index.json").read_text())
    manifest = json.loads(blob(folder, index["manifests"][0]["digest"]))
    digest = str(manifest["config"]["digest"])
    return digest, json.loads(blob(folder, digest))


@pytest.mark.parametrize("export, architecture", [("rooms.pi", "arm64"), ("rooms.x86", "amd64")])
def test_skopeo_reads_the_layout(built: Space, export: str, architecture: str) -> None:
    image_info = json.loads(run([need("skopeo"), "inspect", f"oci:{layout(built, export)}"]))
    assert (image_info["Digest"], image_info["Architecture"], image_info["Os"]) == (
        image(built, export),
        architecture,
        "linux",
    )
    assert (
        image_info["Labels"]["org.opencontainers.image.title"] == export
        and len(image_info["Layers"]) == 2
    )


def test_the_program_in_the_arm64_image_answers_under_emulation(
    built: Space, tmp_path: Path
) -> None:
    folder = layout(built, "rooms.pi")
    emulator = need("qemu-aarch64-static")
    index = json.loads((folder / "index.json").read_text())
    manifest = json.loads(blob(folder, index["manifests"][0]["digest"]))
    layer, board = manifest["layers"]
    with tarfile.open(fileobj=io.BytesIO(blob(folder, board["digest"]))) as archive:
        file = archive.extractfile("board")
        assert file and file.read() == b"profile raspberry-pi-4b\nname raspberrypi,4-model-b\n"
    with tarfile.open(fileobj=io.BytesIO(blob(folder, layer["digest"]))) as archive:
        assert {member.name.strip("./"): (member.uid, member.mtime) for member in archive} == {
            "agent": (0, 0),
            "data": (65532, 0),
        }
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # since 3.11.4
        archive.extractall(tmp_path)
    assert (tmp_path / "agent").read_bytes() == (
        built.root / "out/exports/rooms.pi/agent"
    ).read_bytes()
    assert run([emulator, "-cpu", "cortex-a72", str(tmp_path / "agent")], TICKS) == ANSWERS
    run([emulator, "-cpu", "cortex-a72", str(tmp_path / "agent"), "--selftest"])


def test_docker_loads_the_layout_as_it_is_and_runs_it_confined(built: Space, daemon: str) -> None:
    folder = layout(built, "rooms.x86")
    docker = [need("docker"), "--host", daemon]
    archive_bytes = io.BytesIO()
    with tarfile.open(fileobj=archive_bytes, mode="w") as archive:
        for name in sorted(path.name for path in folder.iterdir()):
            archive.add(folder / name, name)
    loaded = subprocess.run(
        [*docker, "load"],
        input=archive_bytes.getvalue(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    digest, settings = config(folder)
    assert loaded.returncode == 0, loaded.stderr
    hardening = [
        "--rm",
        "--interactive",
        "--read-only",
        "--network",
        "none",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
    ]
    assert run([*docker, "run", *hardening, digest], TICKS) == ANSWERS
    run([*docker, "run", *hardening, digest, "--health"])
    container_config = json.loads(run([*docker, "image", "inspect", digest]))[0]["Config"]
    assert container_config["User"] == "65532:65532" and container_config["Entrypoint"] == [
        "/agent"
    ]
    assert (
        container_config["Healthcheck"]["Test"]
        == settings["config"]["Healthcheck"]["Test"]
        == ["CMD", "/agent", "--health"]
    )


def test_a_label_with_several_images_is_not_loaded(rooms: Space, daemon: str) -> None:
    rooms.env["DOCKER_HOST"] = daemon
    stderr = rooms.run("load", "//exports:rooms", code=2).err
    assert "//exports:rooms produces 2 images" in stderr
    assert "name one of //exports:rooms.pi, //exports:rooms.x86" in stderr


def test_load_and_run_are_verbs(rooms: Space, daemon: str) -> None:
    rooms.env["DOCKER_HOST"] = daemon
    loaded = rooms.run("load", "//exports:rooms.x86", "--tag", "two/rooms:1")
    digest, _ = config(layout(rooms, "rooms.x86"))
    assert loaded.out == f"{digest}\n"
    docker = [need("docker"), "--host", daemon]
    assert (
        run([*docker, "image", "inspect", "--format", "{{.Id}}", "two/rooms:1"]).strip() == digest
    )
    assert run([*docker, "ps", "--all", "--quiet"]) == ""
    result = subprocess.run(
        rooms.command("run", "//exports:rooms.x86"),
        cwd=rooms.root,
        env=rooms.environ(),
        input=TICKS,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, ANSWERS), result.stderr
    assert "0 ran" in result.stderr or "nothing changed" in result.stderr
