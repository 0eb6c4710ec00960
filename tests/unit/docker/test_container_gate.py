"""Without Docker, or without an emulator, no check is made, and the evidence says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from readiness.container import CHECKS, unchecked

from buildgraph.docker import client, container_gate, oci_layout
from buildgraph.docker.container_gate import docker_version, try_container, worst


def planned(platform: str = "linux/amd64") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        unchecked({"image": "", "memory": 0, "platform": platform, "request": "{}"})
    )
    return document


def test_without_a_daemon_every_check_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    assert docker_version() == ""
    document = try_container(tmp_path, planned(), lambda: False)
    assert document["verdict"] == "not checked" and document["plan"] == planned()["plan"]
    assert [check["name"] for check in document["checks"]] == list(CHECKS)
    for check in document["checks"]:
        assert check["verdict"] == "not checked"
        assert "no Docker daemon answers" in check["why"] and "start Docker" in check["fix"]


def test_without_an_emulator_every_check_says_how_to_set_one_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Foreign:
        def runs_on(self, architecture: str) -> bool:
            assert architecture == "amd64"
            return False

    monkeypatch.setattr(client, "platform", lambda: "linux/amd64")
    monkeypatch.setattr(oci_layout, "select_image", lambda *_: Foreign())
    monkeypatch.setattr(container_gate, "is_emulated", lambda platform: False)
    document = try_container(tmp_path, planned("linux/arm64/v8"), lambda: False)
    assert document["verdict"] == "not checked"
    for check in document["checks"]:
        assert "the image is for linux/arm64/v8" in check["why"]
        assert "apt install qemu-user-static" in check["fix"]


def test_the_worst_verdict_decides() -> None:
    assert worst(["passed", "not checked", "failed"]) == "failed"
    assert worst(["passed", "not checked"]) == "not checked"
    assert worst(["passed"]) == "passed"
