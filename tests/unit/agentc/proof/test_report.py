"""The report of an export: counts that can be done by hand, and the table a person reads."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_export
from agentc.ir.files import Model
from agentc.plan import build as plan
from agentc.plan.cost_model import as_planned, as_written, costs
from agentc.proof import report

from tests.support.native_agents import emitted, random_model, ring

PROOF = dict.fromkeys(report.PROOF, 0) | {
    "bits": "ab" * 32,
    "steps": 1256,
    "episodes": 8,
    "same_action": 1255,
    "transitions": 15,
    "transitions_used": 14,
    "lower_bound": "0.988366",
    "lower_bound_episodes": "0.687656",
    "kl_max": (2.0**-24).hex(),
    "kl_limit": (1e-5).hex(),
    "regret_max": (0.0).hex(),
    "regret_limit": (1e-3).hex(),
}
WORKERS = {"schema": 1, "workers": 1, "reason": "a step has one agent"}


def test_a_ring_by_hand() -> None:
    """Five states, three moves, 27 policies of three steps; moves commute, so the five places are
    all there is.
    """
    model = ring()
    cost = costs(model, plan.build(model))
    assert cost["A"] == {"entries": 25, "nonzero": 5, "kept": 5}
    assert cost["B"] == {"entries": 75, "nonzero": 15, "kept": 15}
    assert cost["beliefs"] == {
        "by_policy": 81,
        "prefixes": 3 + 9 + 27,
        "distinct": 5,
        "nodes": [5],
    }
    predicted, expected, ambiguity, utility = 25, 25, 5, 5
    assert cost["multiplications"]["before"] == 81 * (predicted + expected + ambiguity + utility)
    built, outcomes, preferences, columns = 4 * 5, 5, 4, 8
    assert cost["multiplications"]["after"] == built + (outcomes + preferences) * columns


def test_controls_that_do_the_same_are_kept_once() -> None:
    model = ring()
    twice = random_model(
        "one_factor", B=[np.repeat(random_model("one_factor").B[0][:, :, :2], 2, axis=2)]
    )
    cost = costs(twice, plan.build(twice))["B"]
    assert cost["nonzero"] == 2 * cost["kept"]
    assert costs(model, plan.build(model))["table_bytes"] == sum(
        t.nbytes for t in plan.build(model).tables.values()
    )


@pytest.mark.parametrize("kind", ["one_factor", "still_factor", "two_moving", "nothing_moves"])
def test_every_shape_has_costs(kind: str) -> None:
    model = random_model(kind)
    built = plan.build(model)
    assert 0 < as_planned(built)
    assert as_written(model) == as_written(random_model(kind, seed=1))
    assert json.dumps(costs(model, built))


def elf(size: int, memory: int) -> bytes:
    """A program for arm64 that is nothing but a header: one segment."""
    head = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 183, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    return (head + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, memory, 4096)).ljust(size, b"\0")


def layout(folder: Path) -> int:
    """An image that is nothing but a configuration; gives the bytes of its blobs."""

    def blob(name: str, content: Any) -> int:
        return (folder / "blobs/sha256" / name).write_text(json.dumps(content))

    (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (folder / "index.json").write_text(json.dumps({"manifests": [{"digest": "sha256:a"}]}))
    return blob("a", {"config": {"digest": "sha256:b"}}) + blob(
        "b", {"architecture": "arm64", "config": {"User": "1"}}
    )


def written(models: dict[str, Model], folder: Path) -> tuple[dict[str, Any], str]:
    """The report of agents, a program and an image."""
    argv = [
        "--board",
        "raspberry-pi-5",
        "--cpu",
        "cortex_a76",
        "--program",
        str(folder / "p"),
        "--image",
        str(folder),
        "--workers",
        str(folder / "workers.json"),
    ]
    (folder / "workers.json").write_text(json.dumps(WORKERS))
    for name, model in models.items():
        agent = emitted(model, name, folder / name)
        (agent.folder / "proof.json").write_text(json.dumps(PROOF))
        argv += ["--agent", name, *map(agent.path, ("ir", "plan", "proof.json"))]
    (folder / "p").write_bytes(elf(90_000, 300_000))
    assert report_export.main([*argv, "--out", str(folder / "report")]) == 0
    result = {path.name: path.read_text() for path in (folder / "report").iterdir()}
    shutil.rmtree(folder / "report")
    assert sorted(result) == ["report.json", "report.txt"]
    return json.loads(result["report.json"]), result["report.txt"]


def test_the_document_and_the_table_say_the_same(tmp_path: Path) -> None:
    image = layout(tmp_path)
    models = {"scout": ring(), "picker": random_model("still_factor")}
    document, table = written(models, tmp_path)
    assert (document["board"], document["cpu"], document["arch"]) == (
        "raspberry-pi-5",
        "cortex_a76",
        "arm64",
    )
    assert (document["program_bytes"], document["image_bytes"]) == (90_000, image)
    assert document["memory_bytes"] == 300_000 + 65_536
    assert document["agents"]["scout"]["proof"] == PROOF
    lines = [line for line in table.splitlines() if line]
    assert (
        lines[0] == "board    raspberry-pi-5 (cortex_a76, arm64)"
        and lines[1] == "program  90 000 bytes"
    )
    rows = {line.partition("  ")[0]: line for line in lines[6:19]}
    assert lines[4] == "workers  1. Reason: a step has one agent"
    assert lines[5].split() == ["picker", "scout"]
    assert rows["states"].split()[1:] == ["5", "x", "4", "5"]
    assert "81 -> 39 -> 5" in rows["beliefs"] and "2 -> 2; 1 of 1" in rows["parents"]
    assert "25 -> 5 -> 5" in rows["A"] and "75 -> 15 -> 15" in rows["B"]
    assert "4 860 -> 92" in rows["multiply"] and "1 256, the same in 1 255" in rows["steps"]
    assert (
        "6.0e-08 (limit 1e-05)" in rows["divergence"]
        and "0.988366, 0.687656" in rows["least right"]
    )
    for agent in document["agents"].values():
        for each in agent["choices"]:
            assert f"  {each['of']}: {each['chosen']}. Reason: {each['reason']}" in lines
        for loop in agent["worst_case"]["loops"]:
            bound = f"{loop['most']:,}".replace(",", " ")
            assert f"  {loop['loop']}: at most {bound}; ends when {loop['ends']}" in lines
    assert (document, table) == written(models, tmp_path)
