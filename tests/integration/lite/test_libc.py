"""The C library without `ctypes`, and with it where its part in C is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
if sys.argv[1] == "without":
    import builtins
    original = builtins.__import__
    def refuse(name, globals=None, *rest):
        if name == "_ctypes" and globals["__name__"].startswith("buildgraph"):
            raise ImportError(name)
        return original(name, globals, *rest)
    builtins.__import__ = refuse
import os
from buildgraph.lite.libc import libc, prctl, system_call
assert ("ctypes" in sys.modules) == (sys.argv[1] == "without")
assert libc.getpid() == os.getpid()
prctl(36, 1)
try:
    system_call(3, 1 << 20)  # a number of another call on other machines, which fails as well
except OSError as error:
    print(error.errno, error.filename)
"""


@pytest.mark.parametrize("how", ["with", "without"])
def test_ctypes_is_imported_only_as_a_fall_back(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, how],
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
