"""The first difference between a release and its rebuild."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.release.release_difference import release_difference
from tests.unit.explain.test_model_diff import LABELS, model_files

_AGENT = "exports-pc.agents/scout"


def _release(folder: Path) -> Path:
    for name, data in model_files().items():
        path = folder / _AGENT / "ir" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / _AGENT / "labels.json").write_text(json.dumps(LABELS))
    (folder / "exports-pc.files").mkdir()
    (folder / "exports-pc.files/note.txt").write_text("a\nb\n")
    (folder / "exports-pc.declared.json").write_text('{"budget":{"image":"2MiB"}}')
    document = {"schema": 1, "tools": {"program:cc": "1"}, "checks": {"twice": True}}
    (folder / "release.json").write_text(json.dumps(document))
    (folder / "build.json").write_text("{}")
    return folder


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal releases."""
    return _release(tmp_path / "old"), _release(tmp_path / "new")


def test_equal_releases_have_no_difference(pair: tuple[Path, Path]) -> None:
    (pair[1] / "build.json").write_text('{"host": "another"}')
    (pair[1] / "SHA256SUMS").write_text("")
    assert release_difference(*pair) == ""


def test_a_table_is_named_with_its_column(pair: tuple[Path, Path]) -> None:
    data = model_files(B0={1: 0.75})["B0.f64"]
    (pair[1] / _AGENT / "ir/B0.f64").write_bytes(data)
    assert release_difference(*pair) == f"{_AGENT}/ir: B0[here, here, go] 0.50 -> 0.75"


def test_a_line_of_a_file_is_named(pair: tuple[Path, Path]) -> None:
    (pair[1] / "exports-pc.files/note.txt").write_text("a\nc\n")
    assert release_difference(*pair) == "exports-pc.files/note.txt: line 2: 'b\\n' -> 'c\\n'"


def test_a_byte_of_a_file_is_named(pair: tuple[Path, Path]) -> None:
    for folder, data in zip(pair, (b"\0\1\2", b"\0\1\3"), strict=True):
        (folder / "exports-pc.files/program").write_bytes(data)
    assert release_difference(*pair) == "exports-pc.files/program: byte 0x2: 02 -> 03"


def test_a_declared_value_comes_before_what_follows_from_it(pair: tuple[Path, Path]) -> None:
    (pair[1] / "exports-pc.declared.json").write_text('{"budget":{"image":"1MiB"}}')
    (pair[1] / "exports-pc.files/note.txt").write_text("other\n")
    assert release_difference(*pair) == (
        "exports-pc.declared.json: $.budget.image: '2MiB' -> '1MiB'"
    )


def test_files_of_one_side_are_named(pair: tuple[Path, Path]) -> None:
    (pair[1] / "exports-pc.files/note.txt").rename(pair[1] / "exports-pc.files/page.txt")
    assert release_difference(*pair) == "exports-pc.files/note.txt is only in the release"
    (pair[0] / "exports-pc.files/note.txt").unlink()
    assert release_difference(*pair) == "exports-pc.files/page.txt is only in the rebuild"


def test_another_tool_is_named_and_claims_are_not_compared(pair: tuple[Path, Path]) -> None:
    document = {"schema": 1, "tools": {"program:cc": "1"}, "checks": {"twice": False}}
    (pair[1] / "release.json").write_text(json.dumps(document))
    assert release_difference(*pair) == ""
    document["tools"] = {"program:cc": "2"}
    (pair[1] / "release.json").write_text(json.dumps(document))
    assert release_difference(*pair) == "release.json: $.tools.program:cc: '1' -> '2'"


def test_a_link_and_its_target_are_compared(pair: tuple[Path, Path]) -> None:
    for folder, target in zip(pair, ("note.txt", "other.txt"), strict=True):
        (folder / "exports-pc.files/link").symlink_to(target)
    assert release_difference(*pair) == "exports-pc.files/link: note.txt -> other.txt"
