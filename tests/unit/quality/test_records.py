"""Records of a run, and what the next run takes of them."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from quality import archive
from quality.plan import Files, Plan
from quality.records import Records, read_records
from quality.sources import Sources


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 0}', '{"schema": 2}', "\0"])
def test_damaged_records_are_empty(tmp_path: Path, text: str) -> None:
    for data in (text.encode(), zlib.compress(text.encode())):
        (tmp_path / "r").write_bytes(data)
        assert read_records(tmp_path / "r") == Records()


def test_records_come_back_with_the_cache_of_foreign_modules(tmp_path: Path) -> None:
    (tmp_path / "src/app").mkdir(parents=True)
    (tmp_path / "src/app/m.py").write_text("import os\n")
    files = Files(Plan("g", "mypy", "", ("src/app/m.py",), roots=("", "src")), tmp_path)
    sources = Sources(files, "python", {})
    sources.keys(["src/app/m.py"], "interfaces")
    for name in ("os.data.ff", "app/m.data.ff"):
        path = tmp_path / "run/cache/3.11" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    archive.save(Records({"src/app/m.py": "key"}), sources, tmp_path / "run")
    records = archive.load(tmp_path / "run/previous", tmp_path / "next/cache")
    assert records.passed == {"src/app/m.py": "key"}
    assert len(records.facts) == 1
    left = [path.name for path in (tmp_path / "next/cache").rglob("*") if path.is_file()]
    assert left == ["os.data.ff"]


def test_without_a_file_there_are_no_records(tmp_path: Path) -> None:
    assert archive.load(tmp_path / "none", tmp_path / "cache") == Records()
