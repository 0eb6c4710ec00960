"""Verbs that build nothing: doctor, cache stats and init."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from buildgraph.cli import main, starter_model
from buildgraph.cli.verbs import doctor
from buildgraph.cli.verbs.doctor import Check


def test_doctor_names_purpose_and_help_of_a_missing_requirement() -> None:
    lines = doctor.format_check(
        Check(
            "qemu", "missing", "no qemu on PATH", "readiness gates", "apt install qemu-user-static"
        )
    )
    assert [line.strip() for line in lines] == [
        "missing  qemu      no qemu on PATH",
        "needed for readiness gates",
        "help: apt install qemu-user-static",
    ]
    assert doctor.format_check(Check("python", "ok", "3.11.7", "", "")) == [
        "ok       python    3.11.7"
    ]


def test_doctor_names_each_emulator_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    present = {"qemu-aarch64-static": "/usr/bin/qemu-aarch64-static"}
    monkeypatch.setattr("shutil.which", present.get)
    check = doctor.qemu()
    assert check.state == "missing"
    assert check.detail == "no qemu-arm-static, qemu-riscv64-static on PATH"
    present |= {f"qemu-{name}-static": "/usr/bin/qemu" for name in ("arm", "riscv64")}
    check = doctor.qemu()
    assert (check.state, check.detail) == (
        "ok",
        "/usr/bin/qemu-aarch64-static, for arm and riscv64 too",
    )


def test_doctor_reports_a_cache_that_others_can_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    check = doctor.cache({"BUILDGRAPH_CACHE": str(tmp_path)})
    assert check.state == "missing" and "chmod 700" in check.help


def test_doctor_reports_an_unusable_environment() -> None:
    assert doctor.cache({}).state == "missing"
    assert doctor.sandbox({"BUILDGRAPH_SANDBOX": "glass"}).state == "missing"
    assert doctor.sandbox({"BUILDGRAPH_SANDBOX": "none"}).state == "missing"


def test_cache_stats_of_no_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUILDGRAPH_CACHE", str(tmp_path / "cache"))
    assert main(["cache", "stats"]) == 0
    root, *counts = capsys.readouterr().out.splitlines()
    assert root == str(tmp_path / "cache")
    assert [line.split() for line in counts] == [
        ["0", "blobs", "0", "B"],
        ["0", "results", "0", "B"],
    ]
    assert main(["cache", "stats", "--json"]) == 0
    stats = json.loads(capsys.readouterr().out)
    assert stats["blobs"] == stats["results"] == 0
    assert not (tmp_path / "cache").exists()


def test_the_example_is_an_npz_that_numpy_reads() -> None:
    assert starter_model.npz() == starter_model.npz()
    with np.load(io.BytesIO(starter_model.npz()), allow_pickle=False) as arrays:
        assert sorted(arrays) == sorted(starter_model.ARRAYS)
        for name, table in starter_model.ARRAYS.items():
            assert np.array_equal(arrays[name], np.array(table))
            if name[0] != "C":
                assert np.array_equal(arrays[name].sum(axis=0), np.ones(arrays[name].shape[1:]))


def test_init_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "swarm"]) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "swarm").rglob("*") if path.is_file()}
    assert "next: cd swarm && buildgraph build //..." in capsys.readouterr().out
    assert main(["init", "swarm"]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert before == {
        path: path.read_bytes() for path in (tmp_path / "swarm").rglob("*") if path.is_file()
    }


def test_init_writes_nothing_if_one_file_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BUILD.toml").write_text("mine")
    assert main(["init"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["BUILD.toml"]
    assert (tmp_path / "BUILD.toml").read_text() == "mine"
