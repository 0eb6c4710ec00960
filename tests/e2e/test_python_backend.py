"""Agents that native code does not support are proved with pymdp, and refused for images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.requirements import need_module
from tests.support.workspace import Space

BUILD = """
[workspace]
name = "learning"
[models.learner]
rule = "model"
source = "learner.py"
runtime = "python"
probe = { episodes = 2, steps = 8 }
[models.silent]
rule = "model"
source = "learner.py"
[models.frozen]
rule = "model"
source = "learner.py"
inference = { learn_A = false }
[coalitions.both]
rule = "coalition"
agents = { learner = "//models:learner", frozen = "//models:frozen" }
[coalitions.silent]
rule = "coalition"
agents = { silent = "//models:silent" }
[hardware.pi]
rule = "hardware"
profile = "raspberry-pi-5"
[exports.both]
rule = "export"
coalition = "//coalitions:both"
hardware = "//hardware:pi"
"""
LEARNER = """
import numpy as np

def build():
    A = np.array([[0.8, 0.2, 0.3], [0.2, 0.8, 0.7]])
    B = np.stack([np.eye(3), np.roll(np.eye(3), 1, axis=0)], axis=-1)
    return {"A": [A], "B": [B], "C": [np.array([0.0, 2.0])], "pA": [4.0 * A], "learn_A": True,
            "policy_len": 2}
"""


def learning(tmp_path: Path) -> Space:
    """Return a workspace with one source that learns."""
    here = Space(tmp_path / "w", tmp_path / "cache")
    here.write("BUILD.toml", BUILD)
    here.write("learner.py", LEARNER)
    return here


def test_a_model_names_its_backend_and_the_reason(tmp_path: Path) -> None:
    here = learning(tmp_path)
    here.run("build", "//models:silent", "//models:frozen")
    silent, frozen = (
        json.loads((here.root / f"out/models/{name}/runtime.json").read_text())
        for name in ("silent", "frozen")
    )
    assert silent["runtime"] == "python" and silent["refused_by_native"][0].startswith(
        "learn_A = true"
    )
    assert frozen["runtime"] == "native" and frozen["refused_by_native"] == []


def test_a_feature_of_the_source_alone_is_refused_with_help(tmp_path: Path) -> None:
    err = learning(tmp_path).run("build", "//coalitions:silent", code=2).err
    assert "learn_A = true" in err and '`runtime = "python"`' in err and "Traceback" not in err


def test_an_export_is_refused_at_its_line(tmp_path: Path) -> None:
    err = learning(tmp_path).run("build", "//exports:both", code=2).err
    assert (
        'learner (runtime = "python"), and images support the native backend only' in err
        and "BUILD.toml:27" in err
    )


@pytest.mark.slow
def test_the_proof_of_a_learner_is_built(tmp_path: Path) -> None:
    need_module("pymdp")
    here = learning(tmp_path)
    here.run("build", "//coalitions:both")
    proof = json.loads((here.root / "out/coalitions/both/learner.proof.json").read_text())
    page = (here.root / "out/coalitions/both/report.txt").read_text()
    assert (proof["runtime"], proof["violations"], proof["steps"]) == ("python", 0, 16)
    assert "learn_A = true" in page and "images support the native backend only" in page
    assert "runtime" not in json.loads(
        (here.root / "out/coalitions/both/frozen.proof.json").read_text()
    )
