"""The cost of `verify`: a release of three exports of agents, cold, against its build."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.release_workspace import git, release_workspace
from tests.support.requirements import need_module
from tests.support.workspace import Space

pytestmark = pytest.mark.slow
LIMIT = 2.2

MODEL = '''import numpy as np

PREFERENCES = [0.0, 0.5, 1.0]


def build():
    """Walk along three places."""
    right = np.eye(3, k=-1) + np.diag([0.0, 0.0, 1.0])
    left = np.eye(3, k=1) + np.diag([1.0, 0.0, 0.0])
    return {
        "A": [np.eye(3)],
        "B": [np.stack([left, right], axis=2)],
        "C": [np.array(PREFERENCES)],
        "D": [np.ones(3) / 3],
        "policy_len": 2,
    }
'''
BUILD = """[workspace]
name = "walkers"

[models.walker]
rule = "model"
source = "walker.py"

[coalitions.walkers]
rule = "coalition"
agents = { guide = "//models:walker" }

[hardware]
pc = { rule = "hardware", profile = "x86-64-generic" }
pi5 = { rule = "hardware", profile = "raspberry-pi-5" }
jetson = { rule = "hardware", profile = "jetson-orin-nano-8g" }

[exports.fleet]
rule = "export"
matrix = { hardware = ["//hardware:*"] }
coalition = "//coalitions:walkers"
"""


def cpu_of(space: Space, *words: str) -> float:
    """Return the CPU seconds of a run, with those of its actions."""
    before = os.times()
    space.run(*words)
    after = os.times()
    return (after[2] + after[3]) - (before[2] + before[3])


def test_a_cold_verify_costs_at_most_twice_the_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need_module("ziglang")
    files = {
        "BUILD.toml": BUILD,
        "walker.py": MODEL,
        ".gitignore": "/out/\n/.buildgraph/\n/releases/\n",
    }
    space = release_workspace(tmp_path, files)
    build = cpu_of(space, "build", "//exports/...", "--no-gates")
    space.run("release", "//exports/...", "--tag", "v1", "--once", "--unsigned")
    git(tmp_path, "clone", "-q", str(space.root), "clone")
    clone = Space(tmp_path / "clone", tmp_path / "cold", dict(space.env))
    verify = cpu_of(clone, "verify", "v1")
    with capsys.disabled():
        print(f"\nverify {verify:.1f} s CPU, build {build:.1f} s: {verify / build:.2f}x")
    assert verify <= LIMIT * build
    assert not (clone.root / "releases").exists()
    shutil.copytree(space.root / "releases", clone.root / "releases")
    assert "v1 -> v1" in clone.run("release", "diff", "v1", "v1").out
