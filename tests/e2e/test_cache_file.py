"""`cache export`, `cache import` and `cache gc --for`: a cache without a server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.build.cache_import import ImportReport, import_cache
from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.store import result_record
from buildgraph.store.archive import Archive, Entry, write_archive
from buildgraph.store.disk import DiskStore
from buildgraph.store.file_ops import FileOps
from buildgraph.store.fsck import check_store
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from buildgraph.types.result import Result, Tree
from tests.support.generated_workspace import check_cache, check_outputs, generated_workspace
from tests.support.workspace import Space

HEAVY = """
import sys
from buildgraph.cli import main
code = main(["build", "//..."])
print(*sorted({"pydantic", "networkx"} & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A built workspace, and its export in the file `cache.bin` beside it."""
    workspace = generated_workspace(tmp_path_factory.mktemp("built"))
    workspace.run("build", "//...")
    workspace.run("cache", "export", "//...", "../cache.bin")
    return workspace


def exported(built: Space) -> Path:
    """The file of the fixture."""
    return built.root.parent / "cache.bin"


def clone(built: Space, folder: Path) -> Space:
    """A fresh clone with an empty cache."""
    shutil.copytree(
        built.root, folder / "clone", ignore=shutil.ignore_patterns("out", ".buildgraph")
    )
    return Space(folder / "clone", folder / "cache")


def import_into(folder: Path, path: Path, ops: FileOps | None = None) -> ImportReport:
    """Import a file into the store at a folder, in this process."""
    store = DiskStore(str(folder), ops=ops)
    try:
        return import_cache(store, str(path))
    finally:
        store.close()


def stored(cache: Path) -> list[str]:
    """Every blob, result and graph of a cache, and everything that an import left behind."""
    folders = ("blobs/sha256", "results", "graphs", "tmp", "quarantine")
    return [str(path) for name in folders for path in (cache / name).rglob("*") if path.is_file()]


def contents_of(path: Path) -> dict[Entry, bytes]:
    """The entries of an export."""
    with path.open("rb") as file:
        archive = Archive(file, str(path))
        return {entry: archive.read(entry) for entry in archive.entries}


def test_a_clone_goes_on_from_an_import(built: Space, tmp_path: Path) -> None:
    other = clone(built, tmp_path)
    assert "imported 4 results" in other.run("cache", "import", str(exported(built))).out
    check_cache(other)
    done = subprocess.run(
        [sys.executable, "-c", HEAVY],
        cwd=other.root,
        env=other.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "0 ran, 4 hits" in done.stdout
    assert done.stderr.splitlines()[-1] == "", "the graph was imported, so nothing is analysed"
    check_outputs(other, "0")
    again = other.run("cache", "export", "../again.bin").out
    assert "exported 4 results" in again
    assert (tmp_path / "again.bin").read_bytes() == exported(built).read_bytes()
    assert "4 known already" in other.run("cache", "import", "../again.bin").out


def test_an_export_has_what_its_labels_need_and_no_more(built: Space, tmp_path: Path) -> None:
    report = json.loads(
        built.run("cache", "export", "--json", "//:f1", str(tmp_path / "f1.bin")).out
    )
    assert (report["results"], report["missing"]) == (1, 0)
    contents = contents_of(tmp_path / "f1.bin")
    assert [entry.kind for entry in contents] == ["blob", "blob", "result", "graph"]
    assert b"0 1\n0 1\n" in contents.values()
    everything = b"".join(contents_of(exported(built)).values())
    for private in (str(built.root), str(built.cache), sys.prefix, os.uname().nodename):
        assert private.encode() not in everything


def test_an_edit_is_exported_as_it_is_now(built: Space, tmp_path: Path) -> None:
    other = clone(built, tmp_path)
    other.run("cache", "import", str(exported(built)))
    other.write("in1.txt", "new\n")
    report = json.loads(other.run("cache", "export", "--json", "//...", "../half.bin").out)
    # The edited action has not run, and the folder of all files has no key without it.
    assert (report["results"], report["missing"]) == (2, 2)
    assert "2 actions without a result" in other.run("cache", "export", "../half.bin").out
    other.run("build", "//...")
    report = json.loads(other.run("cache", "export", "--json", "//...", "../whole.bin").out)
    assert (report["results"], report["missing"]) == (4, 0)


def test_nothing_of_a_damaged_file_is_imported(built: Space, tmp_path: Path) -> None:
    data = exported(built).read_bytes()
    for at in range(0, len(data), max(1, len(data) // 150)):
        (tmp_path / "bad").write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        with pytest.raises(BuildError, match="cannot be imported") as error:
            import_into(tmp_path / "cache", tmp_path / "bad")
        assert error.value.reason == "cache-file"
        assert stored(tmp_path / "cache") == [], at


def changed(
    contents: dict[Entry, bytes], kind: str, change: Callable[[bytes], bytes]
) -> dict[Entry, bytes]:
    """Contents with the first entry of a kind replaced, under the digest of the new bytes."""
    first = next(entry for entry in contents if entry.kind == kind)
    data = change(contents[first])
    name = first.hash if kind == "result" else hashlib.sha256(data).hexdigest()
    others = {entry: value for entry, value in contents.items() if entry != first}
    return {**others, Entry(kind, name, len(data)): data}


def with_tree(directory: Directory) -> Callable[[dict[Entry, bytes]], dict[Entry, bytes]]:
    """Add a result with a folder that has this content."""

    def add(contents: dict[Entry, bytes]) -> dict[Entry, bytes]:
        data, key, log = encode_directory(directory), Digest.of(b"key"), Digest.of(b"")
        tree = Digest.of(data)
        record = result_record.encode(key, Result((("o", Tree(tree)),), log, "none", 1), {})
        return contents | {
            Entry("blob", tree.hash, tree.size): data,
            Entry("blob", log.hash, 0): b"",
            Entry("result", key.hash, len(record)): record,
        }

    return add


def renamed(contents: dict[Entry, bytes]) -> dict[Entry, bytes]:
    """Put the record of a result under the key of another one."""
    first, second = [entry for entry in contents if entry.kind == "result"][:2]
    others = {entry: value for entry, value in contents.items() if entry not in (first, second)}
    return {**others, Entry("result", first.hash, second.size): contents[second]}


@pytest.mark.parametrize(
    ("forge", "problem"),
    [
        (lambda contents: changed(contents, "blob", lambda data: data + b"!"), "blob of result"),
        (lambda contents: changed(contents, "result", lambda data: data + b"!"), "is damaged"),
        (lambda contents: changed(contents, "result", lambda data: b""), "is damaged"),
        (renamed, "is damaged"),
        (with_tree(Directory((), (), (("link", "../../etc/passwd"),))), "leaves its folder"),
        (with_tree(Directory((), (), (("link", "/etc/passwd"),))), "leaves its folder"),
        (with_tree(Directory((("../x", Digest.of(b"0 1\n0 1\n"), False),), (), ())), "damaged"),
        (with_tree(Directory((), (("gone", Digest.of(b"absent")),), ())), "damaged or missing"),
    ],
)
def test_forged_contents_are_refused(
    built: Space,
    tmp_path: Path,
    forge: Callable[[dict[Entry, bytes]], dict[Entry, bytes]],
    problem: str,
) -> None:
    contents = forge(contents_of(exported(built)))
    write_archive(str(tmp_path / "bad"), contents, lambda entry: (contents[entry],))
    with pytest.raises(BuildError, match=problem):
        import_into(tmp_path / "cache", tmp_path / "bad")
    assert stored(tmp_path / "cache") == []


class Failing(FileOps):
    """Operations that fail from a number on, as a full disk does."""

    def __init__(self, last: int) -> None:
        self.left = last

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")

    def create(self, path: str) -> int:
        """Fail, or create."""
        self._count()
        return super().create(path)

    def rename(self, source: str, target: str) -> None:
        """Fail, or rename."""
        self._count()
        super().rename(source, target)

    def sync_filesystem(self, folder: str) -> None:
        """Fail, or do nothing: the disk is not under test."""
        self._count()


def test_an_import_that_stops_anywhere_leaves_a_whole_cache(built: Space, tmp_path: Path) -> None:
    failures = 0
    for last in range(200):
        cache = tmp_path / str(last)
        try:
            import_into(cache, exported(built), Failing(last))
            break
        except BuildError as error:
            assert error.reason == "environment"
        failures += 1
        report = check_store(DiskStore(str(cache)))
        assert report.damaged == () == report.dangling, last
        assert not [path for path in (cache / "tmp").rglob("*") if path.is_file()]
        import_into(cache, exported(built))
        assert len(list((cache / "results").glob("*/*"))) == 4
    assert failures > 15


def test_good_content_stays(built: Space, tmp_path: Path) -> None:
    import_into(tmp_path / "cache", exported(built))
    before = {path: os.stat(path).st_ino for path in stored(tmp_path / "cache")}
    assert import_into(tmp_path / "cache", exported(built)).known == 4
    assert {path: os.stat(path).st_ino for path in stored(tmp_path / "cache")} == before


def test_gc_keeps_what_a_label_needs(built: Space, tmp_path: Path) -> None:
    other = clone(built, tmp_path)
    other.run("cache", "import", str(exported(built)))
    other.run("cache", "gc", "--max-size", "0B", "--for", "//:f1", "--for", "//:f2")
    assert other.build("//:f1", "//:f2").titles() == []
    assert len(list((other.cache / "results").glob("*/*"))) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["export"], "no file is named"),
        (["export", "//..."], "no file is named"),
        (["export", "//:none", "x"], "no target //:none"),
        (["export", "//...", "no/folder/x"], "No such file or directory"),
        (["import"], "takes one file"),
        (["import", "a", "b"], "takes one file"),
        (["import", "none.bin"], "cannot read none.bin"),
        (["import", "BUILD.toml"], "no export"),
        (["import", "."], "cannot read ."),
        (["gc", "//..."], "takes no label"),
    ],
)
def test_wrong_words(built: Space, words: list[str], message: str) -> None:
    done = built.run("cache", *words, code=None)
    assert done.code == (30 if "folder" in message or "No such" in message else 2)
    assert message in done.err and "help:" in done.err
