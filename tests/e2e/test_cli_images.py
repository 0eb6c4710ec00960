"""`load` and `run` with a Docker daemon, in the workspace that `init` creates."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from buildgraph.ui.json_document import SCHEMA
from tests.support.workspace import Space

pytest_plugins = ("tests.support.docker_daemon",)
pytestmark = pytest.mark.slow


@pytest.fixture
def swarm(tmp_path: Path) -> Space:
    """The workspace that `init` creates."""
    (tmp_path / "swarm").mkdir()
    workspace = Space(tmp_path / "swarm", tmp_path / "cache")
    workspace.run("init")
    return workspace


def test_load_and_run(swarm: Space, daemon: str) -> None:
    swarm.env["DOCKER_HOST"] = daemon
    first = swarm.run("load", "//exports:x86")
    assert first.out.startswith("sha256:") and len(first.out.splitlines()) == 1
    assert "gates of //exports:x86" in first.err
    assert swarm.run("load", "//exports:x86").out == first.out
    loaded = swarm.run("load", "//exports:x86", "--json").events[-1]
    assert loaded == {
        "schema": SCHEMA,
        "event": "loaded",
        "image": first.out.strip(),
        "tag": "swarm/exports/x86:latest",
        "platform": "linux/amd64",
    }
    assert (
        "loaded swarm/exports/x86:latest for linux/amd64\nnext: docker run --rm -i --network none "
        in first.err
    )

    ran = subprocess.run(
        swarm.command("run", "//exports:x86", "--", "--beliefs"),
        cwd=swarm.root,
        env=swarm.environ(),
        input='{"forager":[0,0]}\nnonsense\n',
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    tick, error = map(json.loads, ran.stdout.splitlines())
    assert tick["forager"]["action"][0] in (0, 1, 2) and "qs" in tick["forager"]
    assert "error" in error
    version = subprocess.run(
        swarm.command("run", "//exports:x86", "--json", "--", "--version"),
        cwd=swarm.root,
        env=swarm.environ(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "finished" in version.stderr and "finished" not in version.stdout


def test_a_target_without_an_image_is_not_loaded(swarm: Space, daemon: str) -> None:
    swarm.env["DOCKER_HOST"] = daemon
    assert "//hardware:x86 produces no image" in swarm.run("load", "//hardware:x86", code=2).err


def test_a_missing_daemon_is_reported_with_its_address(swarm: Space, tmp_path: Path) -> None:
    nowhere = swarm.env["DOCKER_HOST"] = f"unix://{tmp_path}/none.sock"
    errors = swarm.run("load", "//exports:x86", code=30).err  # and nothing was built for it
    assert not (swarm.root / "out").exists()
    assert f"error: no Docker daemon answers at {nowhere}" in errors and "help: " in errors
