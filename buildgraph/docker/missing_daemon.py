"""The error for a Docker daemon that does not answer: its cause, and what to do."""

from __future__ import annotations

import errno
import os
import shutil

from ..types.errors import BuildError

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


def missing_daemon_error(error: BaseException) -> BuildError:
    """Return an error of the client as a BuildError with the cause and what to do."""
    host = os.environ.get("DOCKER_HOST") or _DEFAULT_SOCKET
    system = _system_error(error)
    why = system.strerror if system and system.strerror else str(error)
    fix = _REMEDIES.get(system.errno or 0) if system else None
    if fix and shutil.which("podman"):
        fix += _PODMAN
    return BuildError(
        f"no Docker daemon answers at {host}: {why}",
        reason="environment",
        fix=fix or "check DOCKER_HOST, and start the daemon there",
    )


def _system_error(error: object) -> OSError | None:
    """Return the OSError that the HTTP libraries wrapped, several layers down."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, OSError) and isinstance(inner.errno, int):
            return inner
        if isinstance(inner, BaseException) and id(inner) not in seen:
            seen.add(id(inner))
            waiting += [*reversed(inner.args), inner.__context__, inner.__cause__]
    return None
