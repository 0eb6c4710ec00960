"""`buildgraph report`: one HTML file, the same everywhere, with the reason of every miss."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.once import once
from tests.support.page_tools import run_node
from tests.support.requirements import need, need_module
from tests.support.workspace import Space, space

MODELS = Path(__file__).parents[2] / "examples/pymdp/models"
RUN_MODULE = Path(__file__).parents[1] / "support/node/run_module.mjs"
TOML = """[workspace]
name = "w"
[models.tmaze]
rule = "model"
source = "tmaze.npz"
[coalitions.rat]
rule = "coalition"
agents = { rat = "//models:tmaze" }
[hardware.x86]
rule = "hardware"
profile = "x86-64-generic"
[exports.fits]
rule = "export"
module = true
coalition = "//coalitions:rat"
hardware = "//hardware:x86"
[exports.tight]
rule = "export"
coalition = "//coalitions:rat"
hardware = "//hardware:x86"
budget = { image = "1KiB" }
"""


def make(folder: Path) -> Space:
    workspace = space(folder, TOML)
    for name in ("tmaze.npz", "tmaze.json"):
        workspace.write(name, (MODELS / name).read_bytes())
    return workspace


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace with a report; one of its two exports misses its budget."""
    need_module("ziglang")
    folder = once(tmp_path_factory, "report", lambda folder: make(folder).run("report", code=2))
    workspace = make(folder)
    return Space(workspace.root, workspace.cache)


def data_of(page: str) -> dict[str, Any]:
    [text] = re.findall(r'<script type="application/json" id="data">(.*)</script>', page)
    data: dict[str, Any] = json.loads(text)
    return data


def page_of(workspace: Space) -> str:
    return (workspace.root / "out/report.html").read_text()


@pytest.mark.slow
def test_the_page_has_what_the_build_found(reported: Space) -> None:
    data = data_of(page_of(reported))
    fits, tight = data["exports"]
    assert [one["verdict"] for one in (fits, tight)] == ["passed", "failed"]
    [fitness] = [gate for gate in tight["gates"] if gate["gate"] == "fitness"]
    [check] = [check for check in fitness["checks"] if check["verdict"] == "failed"]
    assert (check["name"], check["key"], check["limit"]) == ("image", "budget.image", 1024)
    assert check["measured"] > 1024 and check["why"]
    layer = tight["image"]["layers"][0]
    assert "agent" in [file["path"] for file in layer["files"]]
    assert tight["report"]["agents"]["rat"]["multiplications"]["before"] == 7500
    model = data["models"]["//models:tmaze"]
    names = [matrix["name"] for matrix in model["arrays"]]
    assert names == ["A0", "A1", "A2", "B0", "B1", "C0", "C1", "C2", "D0", "D1"]
    assert model["arrays"][0]["axes"][0]["elements"][0] == "centre"
    assert len(data["graph"]["targets"]) == 5 and data["builds"] == []


@pytest.mark.slow
def test_the_module_of_an_export_replays_its_golden_steps(reported: Space) -> None:
    module = reported.root / "out/exports/fits/agent.wasm"
    assert not (reported.root / "out/exports/tight/agent.wasm").exists()
    selftest = [
        subprocess.run([*command, "--selftest"], capture_output=True, check=True, input=b"").stdout
        for command in (
            [need("node"), str(RUN_MODULE), str(module)],
            [str(reported.root / "out/exports/fits/agent")],
        )
    ]
    assert selftest[0] == selftest[1] and b'"agrees":true' in selftest[0]


@pytest.mark.slow
def test_another_machine_writes_the_same_bytes(reported: Space, tmp_path: Path) -> None:
    other = make(tmp_path / "elsewhere")
    other.run("report", code=2)
    assert page_of(other) == page_of(reported)


@pytest.mark.slow
def test_history_is_added_on_request(reported: Space, tmp_path: Path) -> None:
    shutil.copytree(reported.cache, tmp_path / "cache")
    other = make(tmp_path)
    ran = other.run("report", "//exports:fits", "--history=5", "--html=x/y.html", "--json")
    document = json.loads(ran.out)
    assert document["file"] == str(other.root / "x/y.html") and document["exports"] == 1
    data = data_of((other.root / "x/y.html").read_text())
    assert len(data["builds"]) == 1
    assert {action["how"] for action in data["builds"][0]["actions"]} == {"hit"}
    assert [one["label"] for one in data["exports"]] == ["//exports:fits"]


def test_a_workspace_without_exports_is_an_error(tmp_path: Path) -> None:
    workspace = space(tmp_path, TOML.partition("[coalitions.rat]")[0])
    workspace.write("tmaze.npz", b"")
    ran = workspace.run("report", code=2)
    assert "has no export" in ran.err and "help:" in ran.err
    assert not (workspace.root / "out").exists()


@pytest.mark.slow
def test_a_person_finds_the_miss_in_a_browser(reported: Space, tmp_path: Path) -> None:
    page = str(reported.root / "out/report.html")
    done = run_node(("browser/check.mjs", page), tmp_path / "page", browser=True)
    result = json.loads(done.stdout or "{}")
    print(f"axe violations: {len(result['violations'])}; steps: {', '.join(result['steps'])}")
    assert (done.returncode, result["errors"], result["violations"]) == (0, [], []), done.stderr
