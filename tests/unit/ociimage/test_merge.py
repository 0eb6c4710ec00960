"""Several platforms' images under one digest."""

from __future__ import annotations

import json
from pathlib import Path

import assemble_image
import merge_images
import pytest
from ociimage import merge as image_index


def layout(folder: Path, architecture: str) -> Path:
    """The layout of one image: a program of its own, a model that all share."""
    folder.mkdir()
    (folder / "agent").write_text(architecture)
    (folder / "model").write_bytes(bytes(1000))
    (folder / "c.json").write_text(
        json.dumps({"architecture": architecture, "entrypoint": ["/agent"]})
    )
    argv = [
        "--file",
        f"agent={folder}/agent:0755",
        "--layer",
        "model",
        "--file",
        f"model={folder}/model",
    ]
    assert (
        assemble_image.main([*argv, "--config", f"{folder}/c.json", "--out", f"{folder}/out"]) == 0
    )
    return folder / "out"


def test_images_are_listed_by_platform_and_share_blobs(tmp_path: Path) -> None:
    amd, arm = layout(tmp_path / "x", "amd64"), layout(tmp_path / "y", "arm64")
    one = image_index.merge([amd, arm], tmp_path / "one")
    assert one == image_index.merge([arm, amd], tmp_path / "two")
    output = image_index.summary(tmp_path / "one", one)
    assert [image["platform"]["architecture"] for image in output["images"]] == ["amd64", "arm64"]
    assert len(list((tmp_path / "one/blobs/sha256").iterdir())) == 2 * 4 - 1 + 1


def test_the_same_platform_twice_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = layout(tmp_path / "x", "arm64"), layout(tmp_path / "y", "arm64")
    argv = ["--layout", str(one), "--layout", str(two), "--out", str(tmp_path / "out")]
    assert merge_images.main(argv) == 1
    assert "a second image for linux/arm64" in capsys.readouterr().err


def test_an_index_of_indexes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image_index.merge([layout(tmp_path / "x", "arm64")], tmp_path / "out")
    assert (
        merge_images.main(["--layout", str(tmp_path / "out"), "--out", str(tmp_path / "again")])
        == 1
    )
    assert "is not the layout of one image" in capsys.readouterr().err
