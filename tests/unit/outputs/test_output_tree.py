"""Outputs in a workspace: if there is no `out/` yet, all of them appear at once."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from buildgraph.files.stamp import (
    ALWAYS_STALE,
    COARSE_NS,
    file_system_time,
    fingerprint,
)
from buildgraph.host.source_files import SourceFiles
from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.lite import two_threads
from buildgraph.outputs.output_tree import OutputTree
from buildgraph.store.disk import DiskStore
from buildgraph.store.protocol import Missing
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from buildgraph.types.result import File, Node, Tree


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(str(tmp_path / "cache"))


def add_files(store: DiskStore, *texts: bytes) -> list[File]:
    batch = store.batch()
    files = [File(batch.add(text)) for text in texts]
    store.publish([batch])
    return files


def show(root: Path, store: DiskStore, *stood: tuple[str, Node]) -> tuple[str, ...]:
    def nothing(*_: object) -> Node:
        raise AssertionError

    began = file_system_time(str(root)) + COARSE_NS  # every file is old enough
    tree = OutputTree(str(root), store, SourceFiles(str(root)), began)
    named = [(path, path.rpartition("/")[2], node) for path, node in stood]
    files = tree.write((), nothing, lambda event: None, others=named).files
    assert all(stamp in (fingerprint(path), ALWAYS_STALE) for path, stamp in files.items())
    return tuple(path for path in files if os.path.isfile(path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "w").mkdir()
    return tmp_path / "w"


def below(folder: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(os.path.join(top, name), folder): Path(top, name).read_bytes()
        for top, _, names in os.walk(folder, followlinks=True)
        for name in names
    }


def test_all_of_it_stands_after_one_rename(
    root: Path, store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = add_files(store, b"a", b"b" * 100_000)
    tree = Tree(batch_tree(store, {"one": a, "two": b}))
    seen: list[list[str]] = []
    rename = os.rename

    def watched(source: str, target: str, **at: int) -> None:
        if ".json" not in source:
            seen.append(os.listdir(root))
        rename(source, target, **at)

    monkeypatch.setattr(os, "rename", watched)
    files = show(
        root, store, ("out/p/t/a", a), ("out/p/t/b", File(b.digest, True)), ("out/p/u/tree", tree)
    )
    assert (
        all("out" not in names for names in seen) and len(seen) == 2
    )  # the folder of the tree, and out itself
    assert files == tuple(
        f"{root}/out/p/{name}" for name in ("t/a", "t/b", "u/tree/one", "u/tree/two")
    )
    assert below(root / "out") == {
        ".gitignore": b"*\n",
        "p/t/a": b"a",
        "p/t/b": b"b" * 100_000,
        "p/u/tree/one": b"a",
        "p/u/tree/two": b"b" * 100_000,
    }
    assert [os.stat(file).st_mode & 0o777 for file in files[:2]] == [0o444, 0o555]
    assert (
        os.readlink(root / "out/p/u/tree") == f"../../../.buildgraph/built/{tree.digest.hash}-tree"
    )
    assert os.listdir(root / ".buildgraph/built") == [f"{tree.digest.hash}-tree"]


def batch_tree(store: DiskStore, files: dict[str, File]) -> Digest:
    batch = store.batch()
    digest = batch.add(
        encode_directory(
            Directory(tuple((name, file.digest, file.executable) for name, file in files.items()))
        )
    )
    store.publish([batch])
    return digest


def test_what_lacks_one_has_none(root: Path, store: DiskStore) -> None:
    [a] = add_files(store, b"a")
    with pytest.raises(Missing):
        show(root, store, ("out/a/a", a), ("out/b/b", File(Digest.of(b"never"))))
    assert (
        sorted(os.listdir(root)) == [".buildgraph"] and os.listdir(root / ".buildgraph/built") == []
    )


def test_a_damaged_blob_never_gets_a_name(root: Path, store: DiskStore) -> None:
    a, b = add_files(store, b"a" * 50, b"b" * 100_000)
    for file in (a, b):
        path = Path(store.blob_path(file.digest))
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        fresh = DiskStore(store.root)
        with pytest.raises(Missing):
            show(root, fresh, ("out/a/a", file))
        assert not (root / "out").exists() and not path.exists()


@pytest.mark.parametrize("size", [1, 1 << 40])
def test_a_wrong_size_of_a_right_blob_leaves_it_alone(
    root: Path, store: DiskStore, size: int
) -> None:
    [a] = add_files(store, b"right")
    with pytest.raises(Missing):
        show(root, store, ("out/a/a", File(Digest(a.digest.hash, size))))
    assert store.verify(a.digest)


def test_where_out_stands_each_file_is_turned(root: Path, store: DiskStore) -> None:
    a, b = add_files(store, b"a", b"b")
    show(root, store, ("out/t/a", a))
    (root / "out/t/users").write_text("kept")
    before = os.stat(root / "out/t/a").st_ino
    show(root, store, ("out/t/a", a), ("out/t/b", b))
    assert os.stat(root / "out/t/a").st_ino == before
    assert below(root / "out") == {
        ".gitignore": b"*\n",
        "t/a": b"a",
        "t/b": b"b",
        "t/users": b"kept",
    }


@pytest.mark.parametrize("what", ["out", "out/t", "out/t/a", ".buildgraph"])
def test_something_in_the_way_is_named(root: Path, store: DiskStore, what: str) -> None:
    [a] = add_files(store, b"a")
    if what == "out/t/a":
        (root / what / "inside").mkdir(parents=True)
    else:
        (root / what).parent.mkdir(exist_ok=True)
        (root / what).write_text("in the way")
    with pytest.raises(BuildError, match=what.replace(".", "[.]")):
        show(root, store, ("out/t/a", a))


def test_names_that_contradict_each_other_are_refused(root: Path, store: DiskStore) -> None:
    [a] = add_files(store, b"a")
    with pytest.raises(BuildError, match="out/t/a/b cannot be made"):
        show(root, store, ("out/t/a", a), ("out/t/a/b", a))
    assert not (root / "out").exists()


def test_an_out_that_comes_meanwhile_is_left_alone(
    root: Path, store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    [a] = add_files(store, b"a")
    place = store.place

    def beside(digest: Digest, path: str, executable: bool) -> None:
        (root / "out").mkdir()
        (root / "out/users").write_text("kept")
        place(digest, path, executable)

    monkeypatch.setattr(store, "place", beside)
    with pytest.raises(BuildError, match="out cannot be made: something is in the way"):
        show(root, store, ("out/t/a", a))
    assert (
        below(root / "out") == {"users": b"kept"} and os.listdir(root / ".buildgraph/built") == []
    )


def test_large_files_are_made_two_at_a_time(
    root: Path, store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = add_files(store, *(os.urandom(300_000) for _ in range(8)))
    place, threads = store.place, set[int]()
    both = threading.Barrier(2, timeout=10)

    def watched(digest: Digest, path: str, executable: bool) -> None:
        if threading.get_ident() not in threads:
            threads.add(threading.get_ident())
            both.wait()
        place(digest, path, executable)

    monkeypatch.setattr(store, "place", watched)
    shown = show(root, store, *((f"out/t{number}/o", file) for number, file in enumerate(files)))
    assert len(threads) == 2 and [Digest.of(Path(path).read_bytes()) for path in shown] == [
        file.digest for file in files
    ]


@pytest.mark.parametrize("lost", range(3))
def test_a_fault_in_either_thread_is_told(root: Path, store: DiskStore, lost: int) -> None:
    files = add_files(store, *(os.urandom(300_000) for _ in range(3)))
    os.unlink(store.blob_path(files[lost].digest))
    with pytest.raises(Missing):
        show(root, store, *((f"out/t{number}/o", file) for number, file in enumerate(files)))
    assert not (root / "out").exists() and os.listdir(root / ".buildgraph/built") == []


def test_without_a_second_thread_all_is_made_by_one(
    root: Path, store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = add_files(store, *(os.urandom(300_000) for _ in range(3)))

    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(two_threads, "start_new_thread", refused)
    assert (
        len(show(root, store, *((f"out/t{number}/o", file) for number, file in enumerate(files))))
        == 3
    )
