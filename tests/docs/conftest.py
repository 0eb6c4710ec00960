"""A cache for all pages, and a Docker daemon and a registry for blocks that need one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.docker_daemon import daemon
from tests.support.registry_server import registry_server

__all__ = ["daemon", "docs_cache", "registry"]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A container registry for the session; the value is its host."""
    with registry_server(tmp_path_factory.mktemp("registry")) as running:
        yield running.host


@pytest.fixture(scope="session")
def docs_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all pages and workers of a session, to build each action only once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "docs-cache"
