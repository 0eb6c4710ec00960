"""A cache for all pages, and a Docker daemon for blocks that need one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.docker_daemon import daemon

__all__ = ["daemon", "docs_cache"]


@pytest.fixture(scope="session")
def docs_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all pages and workers of a session, to build each action only once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "docs-cache"
