"""`buildgraph doctor` on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.cli import main


def test_doctor_in_json_names_every_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUILDGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert main(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert set(checks) == {
        "python",
        "packages",
        "sandbox",
        "cache",
        "zig",
        "qemu",
        "docker",
        "pymdp",
    }
    assert checks["python"]["state"] == "ok"
    assert checks["docker"]["state"] == "missing" and checks["docker"]["help"]
    assert checks["cache"]["detail"].startswith(str(tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()
