"""What a test needs of the machine: absent means skipped with a reason, or failed where CI promised to have it."""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest


def need(program: str) -> str:
    """Path of a program of the host, or skip the calling test."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        absent(f"{program} is not installed")
    return str(found)


def need_module(name: str) -> None:
    """Skip the calling test when a Python module is not installed."""
    if importlib.util.find_spec(name) is None:
        absent(f"the Python module {name} is not installed")


def absent(reason: str) -> None:
    """Skip with `reason`, or fail when BUILDGRAPH_REQUIRE=all says that nothing may be missing here."""
    if os.environ.get("BUILDGRAPH_REQUIRE") == "all":
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)
