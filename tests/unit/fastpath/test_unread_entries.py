"""New entries of a folder are no change unless the analysis looked for them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from buildgraph.fastpath import manifest
from buildgraph.fastpath.manifest import FOLDER, InputManifest
from buildgraph.files.entries import Listing, find_now, listing_strings, matching
from buildgraph.files.stamp import ALWAYS_STALE, fingerprint
from buildgraph.lite.pack import pack_strings

LOOKUPS = frozenset({"=BUILD.toml", matching("*.txt", folders=False)})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose analysis looked for text files in the root and in a folder."""
    (tmp_path / "src").mkdir()
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / FOLDER).mkdir(parents=True)
    listings = {
        name: Listing(LOOKUPS, find_now(str(tmp_path), str(tmp_path / name), LOOKUPS))
        for name in (".", "src")
    }
    paths = [tmp_path / "a.txt", tmp_path, tmp_path / "src"]
    stamps = {str(path): fingerprint(str(path)) for path in paths}
    folders = pack_strings(listing_strings(listings))
    InputManifest(str(tmp_path), ["//..."], "").write(stamps, folders, "as before\n", 77)
    return tmp_path


def check(root: Path) -> tuple[str | None, list[str]]:
    """The answer, and the paths that have changed."""
    checked = InputManifest(str(root), ["//..."], "")
    text = checked.check(os.getcwd())
    return text, [os.fsdecode(checked.paths[number]) for number in checked.changed]


def saved(root: Path) -> bytes:
    """The file of the manifest."""
    (path,) = (root / FOLDER).iterdir()
    return path.read_bytes()


@pytest.mark.parametrize("folder", [".", "src"])
def test_unread_entries_are_no_change(root: Path, folder: str) -> None:
    (root / folder / "notes.md").write_text("notes")
    (root / folder / "out").mkdir(exist_ok=True)
    assert check(root) == ("as before\n", [])
    assert manifest.last_check is not None and manifest.last_check.snapshot == 77


def test_a_settled_folder_is_not_listed_again(root: Path) -> None:
    before = saved(root)
    (root / "src/notes.md").write_text("notes")
    assert check(root) == ("as before\n", []) and saved(root) == before  # the stamp is too young
    time.sleep(0.15)
    assert check(root) == ("as before\n", [])
    after = saved(root)
    assert after != before and len(after) == len(before)
    assert check(root) == ("as before\n", []) and saved(root) == after


@pytest.mark.parametrize("name", ["b.txt", "src/b.txt", "src/BUILD.toml"])
def test_an_entry_that_was_looked_for_is_a_change(root: Path, name: str) -> None:
    (root / name).write_text("new")
    assert check(root) == (None, [os.path.dirname(name) or "."])


def test_all_changes_are_reported_together(root: Path) -> None:
    (root / "notes.md").write_text("notes")
    (root / "a.txt").write_text("other")
    assert check(root) == (None, [".", "a.txt"])


def test_a_folder_that_is_gone_is_a_change(root: Path) -> None:
    (root / "src").rmdir()
    (root / "notes.md").write_text("notes")
    assert check(root) == (None, [".", "src"])


def test_a_link_at_the_place_of_the_state_is_not_written_through(root: Path) -> None:
    (root / ".buildgraph").rename(root / "elsewhere")
    (root / ".buildgraph").symlink_to("elsewhere")
    before = (root / "elsewhere/manifests").stat()
    time.sleep(0.15)
    assert check(root) == ("as before\n", [])
    assert (root / "elsewhere/manifests").stat() == before


def test_a_stale_stamp_of_a_folder_is_settled_by_the_first_check(root: Path) -> None:
    """As after the first build of a checkout, which makes out/ in the root."""
    checked = InputManifest(str(root), ["//..."], "")
    checked.check(os.getcwd())
    checked.restamp({checked.paths.index(b"."): ALWAYS_STALE})
    time.sleep(0.15)
    assert check(root) == ("as before\n", [])
    after = saved(root)
    assert check(root) == ("as before\n", []) and saved(root) == after
