"""An image whose coalition speaks HTTP: hardened as a device would run it, stopped, killed, started again."""

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
    """A client of the session's own daemon."""
    import docker

    found = docker.DockerClient(base_url=daemon, version="auto")
    yield found
    found.close()


@pytest.fixture
def image(rooms: Space, daemon: str) -> str:
    """The two rooms behind HTTP, with a deadline, loaded."""
    text = (rooms.root / "BUILD.toml").read_text().replace('memory = "256KiB"', 'memory = "512KiB"')
    rooms.write(
        "BUILD.toml",
        text.replace("links = [{ from", 'io = "http"\ndeadline = "5s"\nlinks = [{ from'),
    )
    rooms.env["DOCKER_HOST"] = daemon
    return rooms.run("load", "//exports:rooms.x86").out.strip()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder that nobody may write."""
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    tmp_path.chmod(0o755)
    return folder


def started(client: Any, image: str, data: Path, *words: str) -> Any:
    """A container as hardened as `buildgraph run` makes it, and a folder of the host's."""
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


def said(container: Any, wanted: bytes) -> bytes:
    """The container's log once `wanted` is in it."""
    until = time.monotonic() + LIMIT
    while wanted not in (log := container.logs()) and time.monotonic() < until:
        time.sleep(0.05)
    assert wanted in log
    return bytes(log)


def test_it_serves_stops_at_once_and_goes_on(
    client: Any, image: str, data: Path, rooms: Space
) -> None:
    words = ("--listen", "unix:/data/s", "--state", "/data/state")
    server, answered = Server(str(data / "s")), list[Any]()
    for ending in ("stop", "kill", "stop"):
        container = started(client, image, data, *words)
        try:
            said(container, b"listening on unix:/data/s")
            answered += [
                server.step(LINE % (k % 3)) for k in range(len(answered), len(answered) + 4)
            ]
            assert server.ask("GET", "/healthz").json == {"health": "ok"}
            assert (
                b"coalition_steps_total %d\n" % len(answered) in server.ask("GET", "/metrics").body
            )
            getattr(container, ending)()
            code = container.wait()[
                "StatusCode"
            ]  # one that does not stop is killed by Docker after ten seconds
            assert code == (0 if ending == "stop" else 137), container.logs()
        finally:
            container.remove(force=True)
    agent = rooms.root / "out/exports/rooms.x86/agent"
    lines = "".join(LINE % (k % 3) + "\n" for k in range(12))
    done = subprocess.run([agent], input=lines, capture_output=True, text=True, check=True)
    assert answered == [json.loads(line) for line in done.stdout.splitlines()]


def test_by_itself_it_listens_on_every_address(client: Any, image: str, data: Path) -> None:
    container = started(client, image, data)
    try:
        said(container, b"listening on 0.0.0.0:8080")
        container.stop()
        assert container.wait()["StatusCode"] == 0
    finally:
        container.remove(force=True)


def test_a_fresh_volume_is_nobodys(client: Any, image: str) -> None:
    volume = client.volumes.create()
    try:
        for steps in (
            1,
            2,
        ):  # the input of a detached container is empty: the state is written and the program ends
            container = started(client, image, Path(volume.name), "--state", "/data/state")
            try:
                assert container.wait()["StatusCode"] == 0, (steps, container.logs())
            finally:
                container.remove(force=True)
    finally:
        volume.remove(force=True)


def test_a_folder_that_it_may_not_write_is_said(client: Any, image: str, data: Path) -> None:
    for path, reason in (("/data/state", b"permission denied"), ("/state", b"read-only")):
        os.chown(data, 0, 0)
        data.chmod(0o700)
        container = started(client, image, data, "--state", path)
        try:
            assert container.wait()["StatusCode"] == 2
            assert reason in container.logs()
        finally:
            container.remove(force=True)
