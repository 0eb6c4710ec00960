"""The error for a Docker daemon that does not answer."""

from __future__ import annotations

import errno
from types import SimpleNamespace

import pytest

from buildgraph.docker import missing_daemon


def test_without_docker_an_installed_podman_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    for path, offered in ((None, False), ("/usr/bin/podman", True)):
        monkeypatch.setattr(
            missing_daemon,
            "shutil",
            SimpleNamespace(which=lambda name, path=path: path),
        )
        for number in (2, 13):
            error = missing_daemon.missing_daemon_error(OSError(number, "why"))
            assert (
                error.reason == "environment"
                and ("podman.socket" in error.fix) == offered
                and "Docker" in error.what
            )


def test_the_error_names_the_address_and_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///x.sock")
    wrapped = RuntimeError("a library", OSError(errno.EACCES, "Permission denied"))
    error = missing_daemon.missing_daemon_error(wrapped)
    assert error.what == "no Docker daemon answers at unix:///x.sock: Permission denied"
    assert "join the group" in error.fix
    unknown = missing_daemon.missing_daemon_error(ValueError("odd"))
    assert unknown.what.endswith(": odd") and "check DOCKER_HOST" in unknown.fix
