"""Load and run images in a real Docker daemon."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from buildgraph.docker import client
from buildgraph.types.errors import BuildError
from tests.support.requirements import need

pytest_plugins = ("tests.support.docker_daemon",)
pytestmark = pytest.mark.slow
TOOL = Path(__file__).parents[2] / "rules/tools/assemble_image.py"
PROGRAM = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
static void facts(void) {
    char line[256];
    int file = open("/written", O_CREAT | O_WRONLY, 0600);
    printf("uid=%d gid=%d write=%s", (int)getuid(), (int)getgid(), file < 0 ? strerror(errno) : "done");
    printf(" no_new_privs=%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "CapBnd:", 7)) printf(" caps=%s", strtok(line + 8, "\n"));
    int links = 0;
    FILE *devices = fopen("/proc/net/dev", "r");
    while (devices && fgets(line, sizeof line, devices)) links += strchr(line, ':') != NULL;
    printf(" links=%d\n", links);
}
int main(int count, char **words) {
    char line[4096];
    const char *what = count > 1 ? words[1] : "echo";
    if (!strcmp(what, "facts")) facts();
    if (!strcmp(what, "exit")) return atoi(words[2]);
    if (!strcmp(what, "sleep")) sleep(1000);
    if (!strcmp(what, "eat")) {
        char *p = malloc(64 << 20);
        if (p) memset(p, 1, 64 << 20);
        puts("ate");
    }
    if (!strcmp(what, "flood")) for (;;) puts("more");
    if (!strcmp(what, "error")) { fputs("bad\n", stderr); puts("good"); return 3; }
    if (!strcmp(what, "echo"))
        while (fgets(line, sizeof line, stdin)) { fputs(line, stdout); fflush(stdout); }
    return 0;
}
"""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static program that prints what it sees."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "probe.c").write_text(PROGRAM)
    argv = [
        need("gcc"),
        "-static",
        "-O1",
        "-s",
        "-o",
        str(folder / "probe"),
        str(folder / "probe.c"),
    ]
    subprocess.run(argv, check=True, timeout=60)
    return folder / "probe"


def assembled(program: Path, folder: Path, name: str) -> dict[str, Any]:
    """Assemble an image in `folder`/out and `folder`/image.tar; return its summary.

    `name` makes its layer different from others.
    """
    config = {"architecture": "amd64", "entrypoint": ["/bin/probe"], "labels": {"test": name}}
    (folder / "name").write_text(name)
    (folder / "config.json").write_text(json.dumps(config))
    argv = [
        sys.executable,
        str(TOOL),
        "--file",
        f"bin/probe={program}:0755",
        "--file",
        f"name={folder}/name",
        "--config",
        str(folder / "config.json"),
        "--out",
        str(folder / "out"),
        "--tar",
        str(folder / "image.tar"),
        "--summary",
        str(folder / "summary.json"),
    ]
    subprocess.run(argv, check=True, timeout=60)
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_bytes())
    return summary


@pytest.fixture
def host(daemon: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """DOCKER_HOST, set to the session's own daemon."""
    monkeypatch.setenv("DOCKER_HOST", daemon)
    return daemon


@pytest.fixture
def image(host: str, program: Path, tmp_path: Path) -> str:
    """The daemon's id of the image of the program."""
    assembled(program, tmp_path, "probe")
    return client.load(tmp_path / "out")


def remaining(host: str) -> list[str]:
    """Return the containers that the daemon has, after up to 60 s to remove those that ended."""
    import docker

    client = docker.DockerClient(base_url=host, version="auto")
    try:
        until = time.monotonic() + 60
        while (containers := client.api.containers(all=True)) and time.monotonic() < until:
            time.sleep(0.05)
        return [str(one["Id"]) for one in containers]
    finally:
        client.close()


def confinement(host: str) -> dict[str, Any]:
    """Return the configuration of the one running container."""
    import docker

    client = docker.DockerClient(base_url=host, version="auto")
    try:
        [running] = client.api.containers(filters={"status": "running"})
        config = client.api.inspect_container(running["Id"])["HostConfig"]
    finally:
        client.close()
    keys = (
        "ReadonlyRootfs",
        "CapDrop",
        "NetworkMode",
        "PidsLimit",
        "Init",
        "SecurityOpt",
        "AutoRemove",
        "Privileged",
        "Binds",
    )
    return {key: config[key] for key in keys}


@pytest.mark.parametrize("form", ["out", "image.tar"])
def test_the_image_id_is_the_digest_of_the_configuration(
    form: str, host: str, program: Path, tmp_path: Path
) -> None:
    summary = assembled(program, tmp_path, form)
    assert client.load(tmp_path / form) == summary["config"]


def test_a_second_load_sends_nothing(host: str, program: Path, tmp_path: Path) -> None:
    summary = assembled(program, tmp_path, "second load")
    layer = tmp_path / "out" / "blobs" / summary["layers"][0]["digest"].replace(":", "/")
    content = layer.read_bytes()
    layer.write_bytes(b"not a layer")
    with pytest.raises(BuildError) as refused:
        client.load(tmp_path / "out")
    assert refused.value.reason == "failed"
    layer.write_bytes(content)
    first = client.load(tmp_path / "out")
    (tmp_path / "out/manifest.json").write_bytes(b"a daemon would refuse this")
    assert client.load(tmp_path / "out", "probe/second") == first == summary["config"]
    assert client.run("probe/second:latest", ["exit", "4"]).code == 4


def test_tags(host: str, program: Path, tmp_path: Path) -> None:
    assembled(program, tmp_path, "tags")
    client.load(tmp_path / "out", "registry.test:5000/probe")
    client.load(tmp_path / "out", "probe:v1")
    assert client.run("registry.test:5000/probe:latest", ["exit", "0"]).code == 0
    assert client.run("probe:v1", ["exit", "5"]).code == 5


def test_a_run_is_confined(image: str, host: str) -> None:
    ended = client.run(image, ["facts"])
    assert ended.stdout.decode() == (
        "uid=65532 gid=65532 write=Read-only file system no_new_privs=1 "
        "caps=0000000000000000 links=1\n"
    )
    assert (ended.code, ended.stderr, remaining(host)) == (0, b"", [])


def test_the_user_may_be_another(image: str) -> None:
    ended = client.run(image, ["facts"], limits=client.ContainerLimits(user="4242:4343"))
    assert ended.stdout.startswith(b"uid=4242 gid=4343 ")


def test_stdin_is_piped_and_streams_are_separate(image: str) -> None:
    text = b"".join(b"%d\n" % number for number in range(200_000))
    assert client.run(image, stdin=text) == (0, text, b"")
    assert client.run(image, ["error"], stdin=text) == (3, b"good\n", b"bad\n")


def test_a_container_that_does_not_end_is_stopped(image: str, host: str) -> None:
    began = time.monotonic()
    with pytest.raises(BuildError, match="ran longer than 1 s") as stopped:
        client.run(image, ["sleep"], limits=client.ContainerLimits(timeout=1))
    assert stopped.value.reason == "failed" and time.monotonic() - began < 300
    assert remaining(host) == []


def test_output_is_bounded(image: str, host: str) -> None:
    with pytest.raises(BuildError, match="wrote more than 100000 bytes"):
        client.run(image, ["flood"], limits=client.ContainerLimits(output=100_000))
    assert remaining(host) == []


def test_memory_is_limited(image: str) -> None:
    assert client.run(image, ["eat"]).stdout == b"ate\n"
    assert client.run(image, ["eat"], limits=client.ContainerLimits(memory=16 << 20)).code == 137


def test_attached_lines_are_answered_as_they_come(image: str, host: str) -> None:
    assert remaining(host) == []
    (read, feed), (answers, write) = os.pipe(), os.pipe()
    codes: list[int] = []
    talk = threading.Thread(
        target=lambda: codes.append(client.attach(image, streams=(read, write, 2)))
    )
    talk.start()
    with os.fdopen(feed, "wb", buffering=0) as question, os.fdopen(answers, "rb") as answer:
        for line in (b'{"scout":[0]}\n', b'{"scout":[1]}\n'):
            question.write(line)
            assert answer.readline() == line
        assert confinement(host) == {
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "NetworkMode": "none",
            "PidsLimit": 64,
            "Init": False,
            "SecurityOpt": ["no-new-privileges"],
            "AutoRemove": True,
            "Privileged": False,
            "Binds": None,
        }
        question.close()
        talk.join(60)
        os.close(write)
        assert answer.read() == b""
    os.close(read)
    assert codes == [0] and remaining(host) == []


def test_attached_program_may_end_before_its_input(image: str) -> None:
    read, feed = os.pipe()
    try:
        assert client.attach(image, ["exit", "6"], streams=(read, 1, 2)) == 6
    finally:
        os.close(read)
        os.close(feed)


def test_an_interrupt_ends_the_container(image: str, host: str) -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # it is ignored in the background
        f"from buildgraph.docker import client; client.attach({image!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=TOOL.parents[2],
    )
    with process:
        assert process.stdin and process.stdout
        process.stdin.write(b"ready\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
    assert remaining(host) == []


def test_a_missing_image(host: str) -> None:
    with pytest.raises(BuildError, match="no such image") as missing:
        client.run("buildgraph.test/absent:1")
    assert missing.value.fix


def test_a_program_for_another_machine(host: str, program: Path, tmp_path: Path) -> None:
    broken = tmp_path / "probe"
    shutil.copy(program, broken)
    broken.write_bytes(b"\x7fELF" + bytes(60))
    assembled(broken, tmp_path, "another machine")
    ended = client.run(client.load(tmp_path / "out"))
    assert ended.code != 0 and b"exec format error" in ended.stderr


def test_a_refusal_of_the_daemon_is_reported(image: str, host: str) -> None:
    with pytest.raises(BuildError, match="(?i)refused: minimum memory limit") as refused:
        client.run(image, limits=client.ContainerLimits(memory=1 << 20))
    assert refused.value.reason == "failed" and remaining(host) == []


@pytest.mark.parametrize(
    ("address", "words", "fix"),
    [
        ("unix:///nonexistent/docker.sock", "No such file", "start Docker"),
        ("tcp://127.0.0.1:1", "refused", "start Docker"),
        ("nonsense://x", "nonsense", "DOCKER_HOST"),
    ],
)
def test_a_missing_daemon_is_an_environment_error(
    address: str, words: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(BuildError, match=words) as absent:
        client.run("x")
    assert (
        absent.value.reason == "environment"
        and fix in absent.value.fix
        and address in absent.value.what
    )


def test_a_folder_or_file_that_is_no_layout_is_refused(host: str, tmp_path: Path) -> None:
    (tmp_path / "some.tar").write_bytes(b"not a tar")
    for name in ("absent", "some.tar", "."):
        with pytest.raises(BuildError, match="not an OCI image layout"):
            client.load(tmp_path / name)
