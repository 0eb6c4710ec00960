"""Workers from BUILD.toml to a program: chosen by cost and cores, with the bits of one process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.requirements import need, need_module
from tests.support.workspace import Ran, Space, space

pytestmark = pytest.mark.slow
BUILD = """\
[workspace]
name = "side_by_side"

[models.large]
rule = "model"
source = "large.npz"
spec = "spec.json"
inference = { policy_len = 2 }
probe = { episodes = 2, steps = 8 }

[models.little]
rule = "model"
source = "little.npz"
spec = "spec.json"
probe = { episodes = 2, steps = 8 }

[coalitions.large]
rule = "coalition"
agents = { eye = { model = "//models:large", replicas = 3 }, hand = "//models:little" }
links = [{ from = "eye.0.action.0", to = "hand.observation.0" }]
copies = 2

[coalitions.little]
rule = "coalition"
agents = { hand = { model = "//models:little", replicas = 3 } }

[hardware.one]
rule = "hardware"
profile = "x86-64-generic"
cores = 1

[hardware.four]
rule = "hardware"
profile = "x86-64-generic"
cores = 4

[exports.large]
rule = "export"
coalition = "//coalitions:large"
matrix = { hardware = ["//hardware:one", "//hardware:four"] }
budget = { memory = "4MiB" }

[exports.little]
rule = "export"
coalition = "//coalitions:little"
matrix = { hardware = ["//hardware:one", "//hardware:four"] }
"""


def dense(states: int, actions: int, seed: int) -> dict[str, Any]:
    """Return an agent whose arrays have no zero."""
    random = np.random.default_rng(seed)
    a, b = random.random((states, states)), random.random((states, states, actions))
    return {"A0": a / a.sum(axis=0), "B0": b / b.sum(axis=0), "C0": random.normal(size=states)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Space, Ran]:
    """Large and little agents, for a board of one core and for one of four."""
    need_module("ziglang")
    need("qemu-x86_64")
    folder = tmp_path_factory.mktemp("workers")
    workspace = space(folder, BUILD)
    workspace.write("spec.json", "{}")
    np.savez(workspace.root / "large.npz", **dense(96, 6, 1))
    np.savez(workspace.root / "little.npz", **dense(6, 3, 2))
    return workspace, workspace.run("test", "--json", "//exports:all", code=None)


def report(workspace: Space, name: str) -> tuple[dict[str, Any], str]:
    """Return report.json and report.txt of an export."""
    folder = workspace.root / f"out/exports/{name}/report"
    return json.loads((folder / "report.json").read_bytes()), (folder / "report.txt").read_text()


def program(workspace: Space, name: str) -> Path:
    """Return the program of an export."""
    return workspace.root / f"out/exports/{name}/agent"


def test_the_choice_and_its_reason_are_reported(built: tuple[Space, Ran]) -> None:
    workspace, _ = built
    document, text = report(workspace, "large.four")
    workers = document["workers"]
    assert workers["workers"] == 3
    assert workers["multiplications"]["chosen"] < 0.75 * workers["multiplications"]["one"]
    assert f"workers  3. Reason: {workers['reason']}" in text
    assert report(workspace, "large.one")[0]["workers"]["reason"] == "the board has one core"
    assert "to wake a worker takes as long" in report(workspace, "little.four")[1]


def test_no_byte_changes_without_a_second_worker(built: tuple[Space, Ran]) -> None:
    workspace, _ = built
    one, four = (program(workspace, f"little.{name}").read_bytes() for name in ("one", "four"))
    assert one == four
    assert b"--workers" not in one


def test_answers_and_state_are_those_of_one_process(
    built: tuple[Space, Ran], tmp_path: Path
) -> None:
    workspace, _ = built
    lines = [
        json.dumps(
            {"copy": k % 2, **{f"eye.{r}": [(k * 7 + r) % 96] for r in range(3)}, "hand": [None]}
        )
        for k in range(20)
    ]
    outputs = []
    for name, words in (("one", ()), ("four", ()), ("four", ("--workers", "2"))):
        state = tmp_path / f"{name}{len(words)}"
        done = subprocess.run(
            [program(workspace, f"large.{name}"), "--beliefs", "--state", state, *words],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.append((done.stdout, state.read_bytes()))
    assert outputs[0] == outputs[1] == outputs[2]
    assert outputs[0][0].count("\n") == len(lines)


def test_gates_count_all_workers(built: tuple[Space, Ran]) -> None:
    workspace, ran = built
    judged = {
        (event["label"].partition(":")[2], event["gate"]): event["verdict"]
        for event in ran.events
        if event["event"] == "judged"
    }
    for name in ("large.one", "large.four"):
        assert judged[name, "fitness"] == judged[name, "emulation"] == "passed"
    memory = {
        name: report(workspace, f"large.{name}")[0]["memory_bytes"] for name in ("one", "four")
    }
    assert memory["four"] > memory["one"] + 2 * 65_536
