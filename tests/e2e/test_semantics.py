"""Agents with kept plans and with the semantics of pymdp 0.0.7, from BUILD.toml to a program."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.requirements import need_module
from tests.support.workspace import space

ROOT = Path(__file__).parents[2]
BUILD = """\
[workspace]
name = "meanings"

[models.rat]
rule = "model"
source = "rat.npz"
inference = { plan_every = 2 }

[models.old]
rule = "model"
source = "old.npz"
pickle = true

[coalitions.both]
rule = "coalition"
agents = { rat = "//models:rat", old = "//models:old" }

[hardware.x86]
rule = "hardware"
profile = "x86-64-generic"

[exports.x86]
rule = "export"
coalition = "//coalitions:both"
hardware = "//hardware:x86"
"""


def old_maze() -> dict[str, Any]:
    """The T-maze of pymdp 0.0.7 as its object arrays."""
    arrays: dict[str, Any] = {}
    with np.load(ROOT / "tests/pymdp/legacy.npz", allow_pickle=False) as file:
        for letter in "ABCD":
            names = sorted(name for name in file.files if name.startswith(f"maze.{letter}"))
            arrays[letter] = np.empty(len(names), dtype=object)
            arrays[letter][:] = [file[name] for name in names]
    return arrays


def test_kept_plans_and_agents_of_0_0_7_are_verified_and_run(tmp_path: Path) -> None:
    need_module("ziglang")
    workspace = space(tmp_path, BUILD)
    for suffix in ("npz", "json"):
        workspace.write(
            f"rat.{suffix}", (ROOT / f"examples/pymdp/models/tmaze.{suffix}").read_bytes()
        )
    np.savez(workspace.root / "old.npz", allow_pickle=True, **old_maze())
    workspace.write("old.json", json.dumps({"semantics": "pymdp-0.0.7", "policy_len": 2}))
    workspace.build("//exports:x86")
    report = json.loads((workspace.root / "out/exports/x86/report/report.json").read_text())[
        "agents"
    ]
    assert (
        report["rat"]["plan_every"] == 2
        and report["rat"]["proof"]["violations"] == report["old"]["proof"]["violations"] == 0
    )
    assert "every 2 steps" in (workspace.root / "out/exports/x86/report/report.txt").read_text()
    walk = ([0, 0, 0], [3, 0, 1], [3, 0, 1], [1, 1, 0])
    lines = "".join(
        json.dumps({"rat": obs, "old": [0, 0, k % 2]}) + "\n" for k, obs in enumerate(walk)
    )
    done = subprocess.run(
        [workspace.root / "out/exports/x86/agent"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    energies = [row["rat"]["efe"] for row in answers]
    assert energies[0] == energies[1] != energies[2] == energies[3]
    assert len({row["old"]["vfe"] for row in answers}) > 1
