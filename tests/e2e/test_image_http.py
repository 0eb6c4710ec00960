"""An image that serves HTTP: hardened as on a device, stopped, killed and started again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_client import LIMIT, Server
from tests.support.workspace import Space

pytest_plugins = ("tests.support.docker_daemon",)
pytestmark = pytest.mark.slow
NOBODY = 65532
LINE = '{"heater":[%d],"vent":[null,0]}'


@pytest.fixture
def client(daemon: str) -> Iterator[Any]:
    """A client of the session's Docker daemon."""
    import docker

    docker_client = docker.DockerClient(base_url=daemon, version="auto")
    yield docker_client
    docker_client.close()


@pytest.fixture
def image(rooms: Space, daemon: str) -> str:
    """The image of the two rooms, with HTTP and a deadline, loaded into Docker."""
    text = (rooms.root / "BUILD.toml").read_text().replace('memory = "256KiB"', 'memory = "512KiB"')
    rooms.write(
        "BUILD.toml",
        text.replace("links = [{ from", 'io = "http"\ndeadline = "5s"\nlinks = [{ from'),
    )
    rooms.env["DOCKER_HOST"] = daemon
    return rooms.run("load", "//exports:rooms.x86").out.strip()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder that belongs to the user of the image."""
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    tmp_path.chmod(0o755)
    return folder


def start(client: Any, image: str, data: Path, *words: str) -> Any:
    """Start a container that is hardened as by `buildgraph run`, with a folder of the host."""
    return client.containers.run(
        image,
        list(words),
        detach=True,
        read_only=True,
        network_mode="none",
        cap_drop=["ALL"],
        mem_limit="16m",
        security_opt=["no-new-privileges"],
        pids_limit=8,
        volumes={str(data): {"bind": "/data", "mode": "rw"}},
    )


def wait_for_log(container: Any, expected: bytes) -> bytes:
    """Wait until `expected` is in the container's log, and return the log."""
    until = time.monotonic() + LIMIT
    while expected not in (log := container.logs()) and time.monotonic() < until:
        time.sleep(0.05)
    assert expected in log
    return bytes(log)


def test_it_serves_stops_at_once_and_continues(
    client: Any, image: str, data: Path, rooms: Space
) -> None:
    words = ("--listen", "unix:/data/s", "--state", "/data/state")
    server, answers = Server(str(data / "s")), list[Any]()
    for ending in ("stop", "kill", "stop"):
        container = start(client, image, data, *words)
        try:
            wait_for_log(container, b"listening on unix:/data/s")
            answers += [server.step(LINE % (k % 3)) for k in range(len(answers), len(answers) + 4)]
            assert server.ask("GET", "/healthz").json == {"health": "ok"}
            assert (
                b"coalition_steps_total %d\n" % len(answers) in server.ask("GET", "/metrics").body
            )
            getattr(container, ending)()
            # Docker kills a container that does not stop within ten seconds.
            code = container.wait()["StatusCode"]
            assert code == (0 if ending == "stop" else 137), container.logs()
        finally:
            container.remove(force=True)
    agent = rooms.root / "out/exports/rooms.x86/agent"
    lines = "".join(LINE % (k % 3) + "\n" for k in range(12))
    result = subprocess.run([agent], input=lines, capture_output=True, text=True, check=True)
    assert answers == [json.loads(line) for line in result.stdout.splitlines()]


def test_by_default_it_listens_on_every_address(client: Any, image: str, data: Path) -> None:
    container = start(client, image, data)
    try:
        wait_for_log(container, b"listening on 0.0.0.0:8080")
        container.stop()
        assert container.wait()["StatusCode"] == 0
    finally:
        container.remove(force=True)


def test_a_fresh_volume_is_writable(client: Any, image: str) -> None:
    volume = client.volumes.create()
    try:
        # The input of a detached container is empty: the program writes the state and ends.
        for steps in (1, 2):
            container = start(client, image, Path(volume.name), "--state", "/data/state")
            try:
                assert container.wait()["StatusCode"] == 0, (steps, container.logs())
            finally:
                container.remove(force=True)
    finally:
        volume.remove(force=True)


def test_a_folder_that_it_may_not_write_is_reported(client: Any, image: str, data: Path) -> None:
    for path, reason in (("/data/state", b"permission denied"), ("/state", b"read-only")):
        os.chown(data, 0, 0)
        data.chmod(0o700)
        container = start(client, image, data, "--state", path)
        try:
            assert container.wait()["StatusCode"] == 2
            assert reason in container.logs()
        finally:
            container.remove(force=True)
