"""Images for another processor: detection of an emulator, and advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.docker import foreign_platform


@pytest.mark.parametrize(
    ("files", "host", "expected"),
    [
        ({"status": "enabled\n", "qemu-aarch64": "enabled\n"}, "", True),
        ({"status": "enabled\n", "qemu-aarch64": "disabled\n"}, "", False),
        ({"status": "enabled\n", "qemu-arm": "enabled\n"}, "", False),
        ({}, "", None),
        ({"status": "enabled\n", "qemu-aarch64": "enabled\n"}, "tcp://far:2375", None),
    ],
)
def test_detection_of_an_emulator(
    files: dict[str, str],
    host: str,
    expected: bool | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(foreign_platform, "HANDLERS", tmp_path)
    monkeypatch.setenv("DOCKER_HOST", host or "unix:///x")
    assert foreign_platform.is_emulated("linux/arm64/v8") is expected


def test_the_error_names_both_platforms_and_the_emulator() -> None:
    error = foreign_platform.platform_error("//:a (board b)", "linux/arm64/v8", "linux/amd64")
    assert "//:a (board b) is for linux/arm64/v8" in error.what and "linux/amd64" in error.what
    assert "--install arm64" in error.fix and error.reason == "environment"
