"""A private Docker daemon for a test session, with its own folders and socket, and no network."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.requirements import absent, need

_START, _STOP, _POLL = 180.0, 60.0, 0.05


@pytest.fixture(scope="session")
def daemon() -> Iterator[str]:
    """Start a dockerd for the session and yield its DOCKER_HOST; skip if it cannot start."""
    program = need("dockerd")
    if os.geteuid() != 0:
        absent("a private dockerd needs root")
    # The path of a socket has at most 107 bytes; pytest's temporary folders can be longer.
    with tempfile.TemporaryDirectory(prefix="dockerd-", ignore_cleanup_errors=True) as folder:
        process = _start_any(program, Path(folder))
        try:
            yield f"unix://{folder}/socket"
        finally:
            _stop(process, Path(folder))


def _start_any(program: str, folder: Path) -> subprocess.Popen[bytes]:
    for driver in ("overlay2", "vfs"):
        process = _start(program, folder, driver)
        if _answers(process, folder):
            return process
        _stop(process, folder)
    tail = (folder / "log").read_text(errors="replace").splitlines()[-1:]
    absent(f"dockerd does not start here: {tail}")
    raise AssertionError("absent() does not return")


def _start(program: str, folder: Path, driver: str) -> subprocess.Popen[bytes]:
    shutil.rmtree(folder / "data", ignore_errors=True)
    argv = [
        program,
        "--data-root",
        f"{folder}/data",
        "--exec-root",
        f"{folder}/exec",
        "--pidfile",
        f"{folder}/pid",
        "--config-file",
        f"{folder}/none.json",
        "--host",
        f"unix://{folder}/socket",
        "--storage-driver",
        driver,
        "--bridge",
        "none",
        "--iptables=false",
        "--ip-masq=false",
        "--ip-forward=false",
    ]
    (folder / "none.json").write_text("{}")
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM if the tests die without finalizers (prctl(2), PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _answers(process: subprocess.Popen[bytes], folder: Path) -> bool:
    import docker
    from docker.errors import DockerException

    until = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < until:
        with suppress(DockerException):
            docker.DockerClient(base_url=f"unix://{folder}/socket", version="auto").close()
            return True
        time.sleep(_POLL)
    return False


def _stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Stop dockerd, which stops its containerd; then kill what remains, by the pid files."""
    process.terminate()
    try:
        process.wait(_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid_file in folder.glob("exec/containerd/*.pid"):
        with suppress(OSError, ValueError):
            pid = int(pid_file.read_text())
            if str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
    _unmount(folder)


def _unmount(folder: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted(
        (mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True
    ):
        subprocess.run(["umount", "--lazy", mount], check=False, timeout=_STOP)
