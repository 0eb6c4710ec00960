"""Source files: digests, the index, racy stamps, and files that change while they are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.files.stamp import COARSE_NS, fingerprint
from buildgraph.host import source_files
from buildgraph.host.source_files import SourceChanged, SourceFiles
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError


class Rows(dict[bytes, bytes]):
    """Index in memory."""

    def put_many(self, rows: dict[bytes, bytes]) -> None:
        """Store rows."""
        self.update(rows)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a workspace with one file."""
    (tmp_path / "w").mkdir()
    (tmp_path / "w/a").write_text("text")
    return tmp_path / "w"


def opened(root: Path, rows: Rows, later: int, threshold: int = 0) -> SourceFiles:
    """Return the files of a build that begins `later` ns after the last change of the file."""
    changed = os.stat(root / "a").st_ctime_ns
    return SourceFiles(str(root), rows, lambda: changed + later, threshold)


def test_a_digest_with_a_reliable_stamp_comes_from_the_index(root: Path) -> None:
    rows = Rows()
    for hashed in (1, 0):
        sources = opened(root, rows, COARSE_NS)
        assert sources.digest("a") == (Digest.of(b"text"), False)
        assert sources.hashed == hashed and sources.stamps["a"] == fingerprint(str(root / "a"))
        sources.save()


def test_a_file_that_was_hashed_in_the_tick_of_its_change_is_hashed_again(root: Path) -> None:
    rows = Rows()
    for _ in range(2):
        sources = opened(root, rows, 0)
        sources.digest("a")
        sources.save()
        assert sources.hashed == 1 and len(rows) == 1


def test_a_damaged_row_is_ignored(root: Path) -> None:
    rows = Rows()
    sources = opened(root, rows, COARSE_NS)
    sources.digest("a")
    sources.save()
    ((key, row),) = rows.items()
    for damaged in (row[:-1], bytes([row[0] ^ 1]) + row[1:], row[:60] + b"\0" + row[61:]):
        rows[key] = damaged if damaged != row else row[::-1]
        sources = opened(root, rows, COARSE_NS)
        assert sources.digest("a")[0] == Digest.of(b"text") and sources.hashed == 1


def test_the_index_is_consulted_beyond_the_threshold_only(root: Path) -> None:
    rows = Rows()
    sources = opened(root, rows, COARSE_NS, threshold=5)
    sources.digest("a")
    sources.save()
    assert rows == {}
    (root / "b").write_text("more")
    sources.digest("b")
    sources.save()
    assert list(rows) == [os.fsencode(root / "b")]


def test_a_file_that_changes_while_it_is_hashed_is_an_exception(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_and_change(path: str) -> Digest:
        digest = Digest.of(Path(path).read_bytes())
        Path(path).write_text("other text")
        return digest

    monkeypatch.setattr(source_files, "hash_file", hash_and_change)
    with pytest.raises(SourceChanged):
        SourceFiles(str(root)).digest("a")


def test_known_digests_are_kept_until_they_are_forgotten(root: Path) -> None:
    sources = SourceFiles(str(root))
    assert sources.digest("a")[0] == Digest.of(b"text")
    (root / "a").write_text("other")
    assert sources.digest("a")[0] == Digest.of(b"text")
    sources.forget("a")
    assert sources.digest("a")[0] == Digest.of(b"other")
    (root / "a").write_text("third")
    assert sources.rehash("a")[0] == Digest.of(b"third")
    assert sources.known_digests() == {"a": (Digest.of(b"third"), False)}
    assert sources.fresh().known_digests() == {}


def test_assumed_digests_need_no_file(root: Path) -> None:
    sources, assumed = SourceFiles(str(root)), (Digest.of(b"assumed"), True)
    sources.assume({"missing": assumed}.get)
    assert sources.digest("missing") == assumed and sources.hashed == 0
    assert sources.digest("a") == (Digest.of(b"text"), False)


def test_symlinks_must_stay_in_the_workspace(root: Path) -> None:
    (root / "inside").symlink_to("a")
    (root / "outside").symlink_to("/etc/hostname")
    (root / "dangling").symlink_to("missing")
    sources = SourceFiles(str(root))
    assert [sources.exists(name) for name in ("a", "inside", "outside", "dangling", "b")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert sources.digest("inside")[0] == Digest.of(b"text")
    with pytest.raises(BuildError, match="link out of the workspace"):
        sources.digest("outside")


def test_a_missing_file_and_a_folder_are_errors(root: Path) -> None:
    (root / "folder").mkdir()
    sources = SourceFiles(str(root))
    with pytest.raises(BuildError, match="cannot read 'b.json'") as error:
        sources.digest("b.json")
    assert "a .json may be just {}" in error.value.fix and error.value.reason == "source"
    with pytest.raises(BuildError, match="'folder' is not a regular file"):
        sources.digest("folder")
