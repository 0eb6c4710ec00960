"""Quarantine of damaged files, and the generation of a store."""

from __future__ import annotations

import os
from pathlib import Path

from buildgraph.store.quarantine import Quarantine


def created(root: Path, warnings: list[str]) -> Quarantine:
    """Return the quarantine of a new store."""
    quarantine = Quarantine(str(root), warnings.append)
    assert quarantine.make_folder(quarantine.folder, os.mkdir)
    quarantine.create_generation()
    return quarantine


def test_a_file_is_moved_and_reported_once(tmp_path: Path) -> None:
    warnings: list[str] = []
    quarantine, path = created(tmp_path, warnings), tmp_path / "blob"
    for content in ("first", "second"):
        path.write_text(content)
        quarantine.add(str(path), "blob b was damaged")
    assert not path.exists()
    files = sorted(Path(quarantine.folder).iterdir(), key=lambda file: file.read_text())
    assert [file.read_text() for file in files] == ["first", "second"]
    assert all(file.name.startswith("blob-") for file in files)
    assert len(warnings) == 1
    assert warnings[0].startswith("blob b was damaged in the cache: moved to ")


def test_the_generation_grows_with_each_removal(tmp_path: Path) -> None:
    quarantine = created(tmp_path, [])
    assert os.path.getsize(quarantine.generation) == 0
    quarantine.create_generation()
    assert os.path.getsize(quarantine.generation) == 0
    quarantine.add(str(tmp_path / "missing"), "a record was damaged")
    assert os.path.getsize(quarantine.generation) == 2


def test_an_entry_in_place_of_a_folder_is_moved_to_quarantine(tmp_path: Path) -> None:
    quarantine, path = created(tmp_path, []), tmp_path / "blobs"
    path.write_text("a file")
    assert quarantine.make_folder(str(path), os.mkdir) and path.is_dir()
    assert not quarantine.make_folder(str(path), os.mkdir)
    assert [entry.read_text() for entry in Path(quarantine.folder).iterdir()] == ["a file"]
