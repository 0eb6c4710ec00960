"""Requirements of tests: a test that lacks one is skipped, or fails where CI must have it."""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest


def need(program: str) -> str:
    """Return the path of a program of the host; skip the calling test if it is not installed."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
    if path is None:
        absent(f"{program} is not installed")
    return str(path)


def need_module(name: str) -> None:
    """Skip the calling test if a Python module is not installed."""
    if importlib.util.find_spec(name) is None:
        absent(f"the Python module {name} is not installed")


def absent(reason: str) -> None:
    """Skip the calling test, or fail it if BUILDGRAPH_REQUIRE=all requires everything."""
    if os.environ.get("BUILDGRAPH_REQUIRE") == "all":
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)
