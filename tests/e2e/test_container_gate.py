"""The gate `container` with a real Docker daemon: each image fails for its own reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from readiness.container import unchecked

from buildgraph.docker import client
from buildgraph.docker.container_gate import LEAST, try_container
from tests.support.requirements import need
from tests.support.workspace import Space

pytest_plugins = ("tests.support.docker_daemon",)
pytestmark = pytest.mark.slow
TOOL = Path(__file__).parents[2] / "rules/tools/assemble_image.py"
X86 = "//exports:rooms.x86"
GATE = ".buildgraph/gates/exports/rooms.x86/container.json"
PROGRAM = r"""
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int is(const char *word, const char *other) { return word && !strcmp(word, other); }
static void stop(int number) { (void)number; _exit(0); }
int main(int count, char **words) {
    const char *mode = words[1], *verb = count > 2 ? words[2] : "";
    char line[64], state[8] = "0";
    int has_state = is(words[count - 1], "/data/state"), file;
    if (is(verb, "--health")) return is(mode, "sick");
    int need = is(mode, "hungry") ? 64 << 20 : is(mode, "heavy") ? 9 << 20 : 0;
    if (is(verb, "--selftest")) {
        char *p = malloc(need + 1);
        for (int i = 0; i < need; i += 4096) ((volatile char *)p)[i] = 1;
    }
    if (is(verb, "--selftest")) return 0;
    if (is(verb, "--measure"))
        return puts("{\"checks\":[{\"measured\":{\"p50\":1,\"p99\":2}}]}"), 0;
    if (is(mode, "writer") && open("/log", O_CREAT | O_WRONLY, 0600) < 0) return perror("/log"), 9;
    signal(SIGTERM, is(mode, "deaf") ? SIG_IGN : stop);
    if (has_state && !is(mode, "forgetful") && (file = open("/data/state", O_RDONLY)) >= 0)
        (void)!read(file, state, 1);
    while (fgets(line, sizeof line, stdin)) printf("%d\n", state[0]++), fflush(stdout);
    if (has_state && (file = open("/data/state", O_CREAT | O_WRONLY, 0600)) >= 0)
        (void)!write(file, state, 1);
    return 0;
}
"""
REASONS = {
    "sound": {},
    "heavy": {},
    "sick": {"health": "Docker says unhealthy"},
    "deaf": {"stop": "it ignored SIGTERM for 10 s and was killed"},
    "hungry": {"memory limit": "is killed, or its self-test fails, with 16777216 bytes"},
    "forgetful": {"state": "the answer after a restart is another one"},
    "writer": {
        "start": "it ended with exit code 9: /log: Read-only file system",
        "health": "Docker says",
        "state": "it ended with exit codes [9, 9, 9]",
    },
}


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static program whose first argument is its mode."""
    folder = tmp_path_factory.mktemp("modes")
    (folder / "probe.c").write_text(PROGRAM)
    argv = [need("gcc"), "-static", "-O1", "-s", "-o", f"{folder}/probe", f"{folder}/probe.c"]
    subprocess.run(argv, check=True, timeout=60)
    return folder / "probe"


def objects() -> set[str]:
    """Containers, images and volumes that the daemon has."""
    with client.connect() as api:
        return {
            *(each["Id"] for each in api.containers(all=True)),
            *(each["Id"] for each in api.images(all=True)),
            *(each["Name"] for each in api.volumes()["Volumes"] or ()),
        }


@pytest.fixture
def host(daemon: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """DOCKER_HOST, set to the session's own daemon, which has nothing new afterwards."""
    monkeypatch.setenv("DOCKER_HOST", daemon)
    before = objects()
    yield daemon
    until = time.monotonic() + 60
    while objects() - before and time.monotonic() < until:
        time.sleep(0.1)  # Docker removes a container a moment after its end
    assert objects() <= before


def assembled(program: Path, folder: Path, mode: str, architecture: str = "amd64") -> Path:
    """The layout of an image in a mode."""
    health = {"test": ["/bin/probe", mode, "--health"], "retries": 1}
    config = {
        "architecture": architecture,
        "entrypoint": ["/bin/probe", mode],
        "healthcheck": health,
    }
    (folder / "config.json").write_text(json.dumps(config))
    argv = [sys.executable, str(TOOL), "--dir", "data:0755:65532:65532"]
    argv += ["--file", f"bin/probe={program}:0755", "--config", f"{folder}/config.json"]
    subprocess.run([*argv, "--out", f"{folder}/out"], check=True, timeout=60)
    return folder / "out"


def tried(layout: Path, platform: str = "linux/amd64") -> dict[str, Any]:
    """The checks of an image by name."""
    plan: dict[str, Any] = {"image": "", "memory": 16 << 20, "platform": platform, "request": "{}"}
    document = try_container(layout, json.loads(unchecked(plan)), lambda: False)
    return {check["name"]: check for check in document["checks"]}


@pytest.mark.parametrize("mode", REASONS)
def test_an_image_fails_for_its_own_reason(
    host: str, program: Path, tmp_path: Path, mode: str
) -> None:
    checks = tried(assembled(program, tmp_path, mode))
    failed = {name: check["why"] for name, check in checks.items() if check["verdict"] == "failed"}
    assert failed.keys() == REASONS[mode].keys(), checks
    assert all(reason in failed[name] for name, reason in REASONS[mode].items()), failed
    if mode == "sound":
        assert {check["verdict"] for check in checks.values()} == {"passed"}
        assert checks["least memory"]["measured"]["least"] == LEAST
        assert checks["memory limit"]["limit"] == 16 << 20
        assert "no times of the board" in checks["cpu quota"]["on"]
    if mode == "heavy":
        assert 9 << 20 < checks["least memory"]["measured"]["least"] < 12 << 20


def test_a_program_for_another_processor_is_not_checked(
    host: str, program: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "probe"
    broken.write_bytes(b"\x7fELF" + bytes(60))
    checks = tried(assembled(broken, tmp_path, "sound", "arm64"), "linux/arm64")
    assert {check["verdict"] for check in checks.values()} == {"not checked"}
    assert all("no emulator is set up" in check["why"] for check in checks.values())


@pytest.fixture
def contained(rooms: Space, daemon: str) -> Space:
    """The example with the gate, and with the session's daemon."""
    text = (rooms.root / "BUILD.toml").read_text()
    budget = 'budget = { image = "64KB", memory = "512KiB" }\ncontainer = true'
    lines = [budget if line.startswith("budget =") else line for line in text.splitlines()]
    rooms.write("BUILD.toml", "\n".join(lines) + "\n")
    rooms.env["DOCKER_HOST"] = daemon
    return rooms


def test_evidence_is_kept_for_image_limits_and_daemon(contained: Space, host: str) -> None:
    first = contained.run("test", X86)
    assert f"gate passed: {X86}: container" in first.err
    evidence = json.loads((contained.root / GATE).read_bytes())
    assert evidence["verdict"] == "passed" and evidence["plan"]["memory"] == 512 << 10
    stamp = (contained.root / GATE).stat().st_mtime_ns
    again = contained.run("test", X86)
    assert "nothing changed" in again.out + again.err
    assert (contained.root / GATE).stat().st_mtime_ns == stamp
    text = (contained.root / "BUILD.toml").read_text()
    contained.write("BUILD.toml", text.replace('"512KiB"', '"513KiB"'))
    changed = contained.build(X86)
    assert "assemble the image" not in changed.titles()
    assert json.loads((contained.root / GATE).read_bytes())["plan"]["memory"] == 513 << 10


def test_without_a_daemon_it_is_not_checked_until_one_answers(
    contained: Space, daemon: str
) -> None:
    contained.env["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
    lax = contained.run("build", X86)
    assert "not checked" in lax.out and "container" in lax.out
    assert "no Docker daemon answers" in (contained.root / GATE).read_text()
    strict = contained.run("build", X86, "--strict", code=1)
    assert f"the gate container of {X86} is not checked" in strict.err
    contained.env["DOCKER_HOST"] = daemon
    assert f"gate passed: {X86}: container" in contained.run("build", X86, "--strict").err


def test_an_interrupt_leaves_nothing_in_docker(contained: Space, host: str) -> None:
    contained.run("build", "--no-gates", X86)
    process = subprocess.Popen(
        [sys.executable, "-m", "buildgraph", "test", X86],
        cwd=contained.root,
        env={**os.environ, **contained.env, "BUILDGRAPH_CACHE": str(contained.cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process, client.connect() as api:
        until = time.monotonic() + 120
        while not api.containers() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 130
