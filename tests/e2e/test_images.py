"""The images of the example, as skopeo, Docker and a board's processor take them."""

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


def ran(words: list[str], text: str = "") -> str:
    """What a program writes; it must succeed."""
    done = subprocess.run(
        words, input=text, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def layout(space: Space, export: str) -> Path:
    """The image's folder of an export."""
    return space.root / "out/exports" / export / "image"


def blob(folder: Path, digest: str) -> bytes:
    """A blob of a layout, which must hash to its name."""
    data = (folder / "blobs" / digest.replace(":", "/")).read_bytes()
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    return data


def config(folder: Path) -> tuple[str, dict[str, Any]]:
    """Digest and content of an image's configuration."""
    index = json.loads((folder / "index.json").read_text())
    manifest = json.loads(blob(folder, index["manifests"][0]["digest"]))
    digest = str(manifest["config"]["digest"])
    return digest, json.loads(blob(folder, digest))


@pytest.mark.parametrize("export, architecture", [("rooms.pi", "arm64"), ("rooms.x86", "amd64")])
def test_skopeo_reads_the_layout(built: Space, export: str, architecture: str) -> None:
    told = json.loads(ran([need("skopeo"), "inspect", f"oci:{layout(built, export)}"]))
    assert (told["Digest"], told["Architecture"], told["Os"]) == (
        image(built, export),
        architecture,
        "linux",
    )
    assert told["Labels"]["org.opencontainers.image.title"] == export and len(told["Layers"]) == 1


def test_the_program_in_the_arm64_image_answers_under_emulation(
    built: Space, tmp_path: Path
) -> None:
    folder = layout(built, "rooms.pi")
    emulator = need("qemu-aarch64-static")
    index = json.loads((folder / "index.json").read_text())
    manifest = json.loads(blob(folder, index["manifests"][0]["digest"]))
    [layer] = manifest["layers"]
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
    assert ran([emulator, "-cpu", "cortex-a72", str(tmp_path / "agent")], TICKS) == ANSWERS
    ran([emulator, "-cpu", "cortex-a72", str(tmp_path / "agent"), "--selftest"])


def test_docker_loads_the_layout_as_it_is_and_runs_it_confined(built: Space, daemon: str) -> None:
    folder = layout(built, "rooms.x86")
    docker = [need("docker"), "--host", daemon]
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name in sorted(path.name for path in folder.iterdir()):
            archive.add(folder / name, name)
    loaded = subprocess.run(
        [*docker, "load"], input=whole.getvalue(), capture_output=True, check=False, timeout=120
    )
    digest, settings = config(folder)
    assert loaded.returncode == 0, loaded.stderr
    hard = [
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
    assert ran([*docker, "run", *hard, digest], TICKS) == ANSWERS
    ran([*docker, "run", *hard, digest, "--health"])
    told = json.loads(ran([*docker, "image", "inspect", digest]))[0]["Config"]
    assert told["User"] == "65532:65532" and told["Entrypoint"] == ["/agent"]
    assert (
        told["Healthcheck"]["Test"]
        == settings["config"]["Healthcheck"]["Test"]
        == ["CMD", "/agent", "--health"]
    )


def test_a_label_that_stands_for_several_images_is_not_loaded(rooms: Space, daemon: str) -> None:
    rooms.env["DOCKER_HOST"] = daemon
    said = rooms.run("load", "//exports:rooms", code=2).err
    assert "//exports:rooms produces 2 images" in said
    assert "name one of //exports:rooms.pi, //exports:rooms.x86" in said


def test_load_and_run_are_verbs(rooms: Space, daemon: str) -> None:
    rooms.env["DOCKER_HOST"] = daemon
    loaded = rooms.run("load", "//exports:rooms.x86", "--tag", "two/rooms:1")
    digest, _ = config(layout(rooms, "rooms.x86"))
    assert loaded.out == f"{digest}\n"
    docker = [need("docker"), "--host", daemon]
    assert (
        ran([*docker, "image", "inspect", "--format", "{{.Id}}", "two/rooms:1"]).strip() == digest
    )
    assert ran([*docker, "ps", "--all", "--quiet"]) == ""
    done = subprocess.run(
        rooms.command("run", "//exports:rooms.x86"),
        cwd=rooms.root,
        env=rooms.environ(),
        input=TICKS,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ANSWERS), done.stderr
    assert "0 ran" in done.stderr or "nothing changed" in done.stderr
