"""The gate `step_p99`: counted instructions decide without the board, a measurement with it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.requirements import need
from tests.support.small_filesystems import copy
from tests.support.workspace import Ran, Space

pytestmark = pytest.mark.slow
EXPORT = """
[exports.{name}]
rule = "export"
coalition = "//coalitions:rooms"
hardware = "//hardware:{board}"
budget = {{ step_p99 = "{limit}" }}
"""
PLENTY, LITTLE, CLOSE = "5ms", "1us", "5us"
"""Limits of two rooms on a Raspberry Pi 4: about 10 000 instructions a step at 1500 MHz."""


def verdicts(ran: Ran) -> dict[str, dict[str, Any]]:
    """The events of the gates `step_p99` by label."""
    return {
        event["label"].partition(":")[2]: event
        for event in ran.events
        if event["event"] == "judged" and event["gate"] == "step_p99"
    }


def evidence(space: Space, name: str) -> dict[str, Any]:
    """The one check of the gate, from the file of its evidence."""
    path = space.root / f".buildgraph/gates/exports/{name}/step_p99.json"
    (check,) = json.loads(path.read_text())["checks"]
    return dict(check)


@pytest.fixture(scope="module")
def judged(built: Space, tmp_path_factory: pytest.TempPathFactory) -> tuple[Space, Ran]:
    """Two rooms with four limits, and the build that judges them."""
    need("qemu-aarch64")
    need("qemu-x86_64")
    folder = tmp_path_factory.mktemp("deadline")
    shutil.copytree(built.cache, folder / "cache")
    space = copy("npz", folder / "w", folder / "cache")
    for name, board, limit in (
        ("plenty", "pi", PLENTY),
        ("little", "pi", LITTLE),
        ("close", "pi", CLOSE),
        ("unknown", "x86", PLENTY),
    ):
        add(space, name, board, limit)
    names = ("plenty", "little", "close", "unknown")
    return space, space.run("test", "--json", *(f"//exports:{name}" for name in names), code=2)


def add(space: Space, name: str, board: str, limit: str, *more: str) -> None:
    """Add an export to the workspace."""
    text = (space.root / "BUILD.toml").read_text()
    export = EXPORT.format(name=name, board=board, limit=limit)
    space.write("BUILD.toml", text + export + "".join(f"{line}\n" for line in more))


def test_feasible_infeasible_too_close_and_unknown(judged: tuple[Space, Ran]) -> None:
    space, ran = judged
    judgements = verdicts(ran)
    assert {name: event["verdict"] for name, event in judgements.items()} == {
        "plenty": "passed",
        "little": "failed",
        "close": "not checked",
        "unknown": "not checked",
    }
    assert evidence(space, "plenty")["measured"]["judgement"] == "feasible"
    assert evidence(space, "little")["measured"]["judgement"] == "infeasible"
    assert "too close to call" in judgements["close"]["why"]
    assert "the clock of x86-64-generic is unknown" in judgements["unknown"]["why"]


def test_evidence_has_counts_loops_and_limits_but_no_time(judged: tuple[Space, Ran]) -> None:
    space, _ = judged
    check = evidence(space, "plenty")
    measured = check["measured"]
    order = [measured[name] for name in ("least", "p50", "p99", "most", "worst")]
    assert order == sorted(order) and 5_000 < order[0] and order[-1] < 30_000
    assert check["limit"]["least"] == 5_000_000 * 1500 // 2000
    assert check["limit"]["most"] == 5_000_000 * 1500 * 3 // 1000
    assert check["unit"] == "instructions a step" and check["on"] == "emulated cortex-a72"
    names = {loop["loop"] for loops in measured["loops"].values() for loop in loops}
    assert {"rounds of state inference", "bytes of a request"} <= names
    assert "qemu-aarch64 " in check["how"] and "9744 of the models' environments" in check["how"]


def test_a_refusal_names_the_line_and_what_to_change(judged: tuple[Space, Ran]) -> None:
    space, _ = judged
    failed = space.run("build", "//exports:little", code=2)
    lines = (space.root / "BUILD.toml").read_text().splitlines()
    number = 1 + lines.index(f'budget = {{ step_p99 = "{LITTLE}" }}')
    assert f"BUILD.toml:{number}" in failed.err
    assert "infeasible: one step in a hundred takes" in failed.err
    assert 'raise budget.step_p99 to "' in failed.err
    assert (space.root / "out/exports/little/image/index.json").is_file()


def test_another_limit_counts_nothing_again(judged: tuple[Space, Ran]) -> None:
    space, _ = judged
    add(space, "other", "pi", "6ms")
    ran = space.build("//exports:other")
    assert "judge the time of a step" in ran.titles()
    assert not [title for title in ran.titles() if "count" in title or "compile" in title]


def test_a_measurement_decides_if_program_and_board_are_those(
    judged: tuple[Space, Ran], tmp_path: Path
) -> None:
    space, _ = judged
    space.build("//exports:unknown", "//exports:close")
    program = space.root / "out/exports/unknown/agent"
    done = subprocess.run(
        [program, "--measure", "--p99", "1000s"],
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
        text=True,
    )
    document = json.loads(done.stdout)
    document["board"] = {"compatible": [], "governor": [], "khz": [], "model": []}
    space.write("evidence/pc.json", json.dumps(document))
    pi = space.root / "out/exports/close/agent"
    document["program"] = hashlib.sha256(pi.read_bytes()).hexdigest()
    space.write("evidence/pc-of-pi.json", json.dumps(document))
    document["board"]["compatible"] = ["raspberrypi,4-model-b", "brcm,bcm2711"]
    document["checks"][0]["measured"] = {"max": 9, "min": 1, "p50": 2, "p99": 8, "steps": 5000}
    document["clock"]["least"] = 1
    space.write("evidence/pi.json", json.dumps(document))
    space.write("evidence/notes.json", "{}")
    for name, board, limit, file in (
        ("measured", "x86", "1000s", "pc"),
        ("slow", "x86", "1ns", "pc"),
        ("mismatch", "pi", "1000s", "pc"),
        ("elsewhere", "pi", "1000s", "pc-of-pi"),
        ("here", "pi", "90ns", "pi"),
        ("notes", "pi", "1000s", "notes"),
    ):
        add(space, name, board, limit, f'measured = "evidence/{file}.json"')
    names = ("measured", "slow", "mismatch", "elsewhere", "here", "notes")
    ran = space.run("test", "--json", *(f"//exports:{name}" for name in names), code=2)
    judgements = {name: (event["verdict"], event["why"]) for name, event in verdicts(ran).items()}
    assert judgements["measured"] == ("passed", "") and judgements["here"] == ("passed", "")
    assert judgements["slow"][0] == "not checked" and "its clock shows" in judgements["slow"][1]
    assert (
        judgements["mismatch"][0] == "not checked" and "of the program" in judgements["mismatch"][1]
    )
    assert (
        judgements["elsewhere"][0] == "not checked"
        and "another board" in judgements["elsewhere"][1]
    )
    assert judgements["notes"][0] == "failed"
    assert evidence(space, "measured")["unit"] == "nanoseconds"
    assert "not what `agent --measure` prints" in evidence(space, "notes")["why"]
    assert not [title for title in ran.titles() if "count instructions" in title]
