"""No Docker daemon answers: why, and what to do."""

from __future__ import annotations

import errno
import os
import shutil

from buildgraph.types.errors import BuildError

_DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_PODMAN = (
    "; or let podman answer: systemctl --user start podman.socket, and export "
    "DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock"
)
_START = "start Docker (sudo systemctl start docker), or set DOCKER_HOST to where it listens"
_REMEDIES = {
    errno.EACCES: "join the group of the socket (sudo usermod -aG docker $USER), and log in again",
    errno.ENOENT: _START,
    errno.ENOTDIR: _START,
    errno.ECONNREFUSED: "start Docker (sudo systemctl start docker): nothing listens at that address",
}


def missing_daemon_error(fault: BaseException) -> BuildError:
    """The fault of the environment that an error of the client stands for, and the way out."""
    host = os.environ.get("DOCKER_HOST") or _DEFAULT_SOCKET
    system = _system_error(fault)
    why = system.strerror if system and system.strerror else str(fault)
    fix = _REMEDIES.get(system.errno or 0) if system else None
    if fix and shutil.which("podman"):
        fix += _PODMAN
    return BuildError(
        f"no Docker daemon answers at {host}: {why}",
        reason="environment",
        fix=fix or "check DOCKER_HOST, and start the daemon there",
    )


def _system_error(fault: object) -> OSError | None:
    """The operating system's own error that the HTTP libraries wrapped, several layers down."""
    seen: set[int] = set()
    waiting = [fault]
    while waiting:
        one = waiting.pop()
        if isinstance(one, OSError) and isinstance(one.errno, int):
            return one
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            waiting += [*reversed(one.args), one.__context__, one.__cause__]
    return None
