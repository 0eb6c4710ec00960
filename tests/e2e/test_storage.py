"""Lossy storage in real builds: selected within its budget and proved, or refused."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.support.requirements import need
from tests.support.small_filesystems import image
from tests.support.workspace import Space

BUILD = """
[workspace]
name = "survey"
[models.surveyor]
rule = "model"
source = "surveyor.npz"
[coalitions.survey]
rule = "coalition"
agents = { surveyor = "//models:surveyor" }
[hardware.pi]
rule = "hardware"
profile = "raspberry-pi-4b"
[hardware.x86]
rule = "hardware"
profile = "x86-64-generic"
[exports.plain]
rule = "export"
matrix = { hardware = ["//hardware:*"] }
coalition = "//coalitions:survey"
[exports.small]
rule = "export"
matrix = { hardware = ["//hardware:*"] }
coalition = "//coalitions:survey"
storage = "smallest"
fidelity = { agreement = 0.9 }
[exports.tight]
rule = "export"
coalition = "//coalitions:survey"
hardware = "//hardware:pi"
storage = "palette"
fidelity = { kl = 1e-6, agreement = 0.9 }
[firmware.plain]
rule = "firmware"
core = "cortex-m4f"
coalition = "//coalitions:survey"
flash = "20KB"
[firmware.small]
rule = "firmware"
core = "cortex-m4f"
coalition = "//coalitions:survey"
flash = "20KB"
storage = "uint16"
fidelity = { kl = 1e-5, agreement = 0.9 }
"""


@pytest.fixture
def survey(tmp_path: Path) -> Space:
    """A workspace with one agent whose matrices have no zeros: 16 places, 16 outcomes, 4 moves."""
    workspace = Space(tmp_path / "w", tmp_path / "cache")
    random = np.random.default_rng(3)
    data = io.BytesIO()
    np.savez(
        data,
        A0=random.dirichlet(np.ones(16), size=16).T,
        C0=random.normal(size=16),
        D0=np.full(16, 1.0 / 16),
        B0=np.moveaxis(random.dirichlet(np.ones(16), size=(16, 4)), 2, 0),
    )
    workspace.write("surveyor.npz", data.getvalue())
    workspace.write("surveyor.json", json.dumps({"policy_len": 2, "gamma": 4.0}))
    workspace.write("BUILD.toml", BUILD)
    return workspace


def test_without_a_budget_the_line_to_write_is_named(survey: Space) -> None:
    survey.write("BUILD.toml", BUILD.replace("fidelity = { agreement = 0.9 }\n", ""))
    stderr = survey.run("build", "//exports:small.pi", code=2).err
    assert 'storage = "smallest" loses fidelity, but the export sets no budget' in stderr
    assert (
        "BUILD.toml:24:" in stderr
        and "write fidelity = { kl = 1e-3, regret = 1e-3, agreement = 0.999 }" in stderr
    )


def test_an_unknown_storage_is_an_error_of_the_table(survey: Space) -> None:
    survey.write("BUILD.toml", BUILD.replace('"palette"', '"int8"'))
    stderr = survey.run("build", "//exports:tight", code=2).err
    assert "int8" in stderr and "palette" in stderr and "BUILD.toml:30:" in stderr


@pytest.mark.slow
def test_the_smallest_storage_is_selected_and_proved(survey: Space) -> None:
    need("qemu-aarch64-static")
    built = survey.build("//exports:plain.pi", "//exports:small.pi", "//exports:small.x86")
    assert {event["verdict"] for event in built.events if event["event"] == "judged"} == {"passed"}
    page = json.loads((survey.root / "out/exports/small.pi/storage/storage.json").read_text())[
        "agents"
    ]["surveyor"]
    sizes = {candidate["storage"]: candidate["bytes"] for candidate in page["candidates"]}
    assert page["taken"] == min(sizes, key=lambda name: sizes[name]) != "exact"
    assert sizes[page["taken"]] < 0.6 * sizes["exact"]
    [taken] = [
        candidate for candidate in page["candidates"] if candidate["storage"] == page["taken"]
    ]
    assert (
        taken["refused"] == []
        and 0.0 < float.fromhex(taken["kl_max"]) <= 1e-3
        and float(taken["lower_bound_episodes"]) > 0.9
    )
    programs = [
        (survey.root / f"out/exports/{name}/agent").stat().st_size
        for name in ("plain.pi", "small.pi")
    ]
    assert programs[0] - programs[1] > 8000
    report = json.loads((survey.root / "out/exports/small.pi/report/report.json").read_text())[
        "agents"
    ]["surveyor"]
    assert (
        report["table_bytes"] == taken["table_bytes"]
        and report["proof"]["kl_limit"] == (1e-3).hex()
    )
    text = (survey.root / "out/exports/small.pi/storage/storage.txt").read_text()
    assert text.startswith(
        f"surveyor: {page['taken']}   (budget: kl 0.001, regret 0.001, agreement 0.9)"
    )
    program = survey.root / "out/exports/small.x86/agent"
    stdout = subprocess.run(
        [program], input='{"surveyor":[3]}\n', capture_output=True, text=True, check=True
    ).stdout
    assert (
        json.loads(stdout)["surveyor"]["action"]
        and subprocess.run([program, "--selftest"], check=False).returncode == 0
    )

    first = image(survey, "small.pi")
    survey.write(
        "BUILD.toml", BUILD.replace("{ agreement = 0.9 }", "{ kl = 2e-3, agreement = 0.9 }")
    )
    again = survey.build("//exports:small.pi")
    assert again.titles() == [
        "check the agents",
        "choose how surveyor is stored",
        "emit the program",
        "emulate cortex-a72",
        "how agents are stored",
        "report",
    ], "nothing is coded, tried, compiled or linked again"
    assert image(survey, "small.pi") == first, "the same choice is the same image"


@pytest.mark.slow
def test_a_storage_beyond_its_budget_is_refused_with_the_numbers(survey: Space) -> None:
    stderr = survey.run("build", "//exports:tight", code=2).err
    assert (
        'agent surveyor: storage = "palette" would take ' in stderr and "kl allows 1e-06" in stderr
    )
    assert "raise the budget, fidelity = { kl = " in stderr and "or leave `storage` out" in stderr


@pytest.mark.slow
def test_lossy_storage_makes_a_firmware_fit(survey: Space) -> None:
    need("qemu-arm-static")
    assert "flash: the agents take" in survey.run("build", "//firmware:plain", code=2).err
    built = survey.build("//firmware:small")
    assert [event["verdict"] for event in built.events if event["event"] == "judged"] == ["passed"]
    sizes = json.loads((survey.root / "out/firmware/small/sizes.json").read_text())["agents"][
        "surveyor"
    ]
    page = json.loads((survey.root / "out/firmware/small/storage/storage.json").read_text())[
        "agents"
    ]["surveyor"]
    assert (
        {candidate["storage"]: candidate["bytes"] for candidate in page["candidates"]}[
            page["taken"]
        ]
        == sizes["flash"]
        <= 20_000
    )
