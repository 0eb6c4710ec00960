"""Contract of stores, tested with each kind of store."""

from __future__ import annotations

import os
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.store import result_record
from buildgraph.store.disk import DiskStore
from buildgraph.store.memory import MemoryStore
from buildgraph.store.protocol import Batch, Missing, Store
from buildgraph.types.digest import EMPTY, Digest
from buildgraph.types.result import File, Result, Tree

KEY = Digest.of(b"an action")


def put(store: Store, *blobs: bytes) -> list[Digest]:
    """Publish blobs in one batch."""
    batch = store.batch()
    digests = [batch.add(data) for data in blobs]
    store.publish([batch])
    return digests


def result(batch: Batch, outputs: dict[str, bytes], log: bytes = b"log") -> Result:
    """Return a result whose blobs are in the batch."""
    nodes = tuple((path, File(batch.add(data))) for path, data in sorted(outputs.items()))
    return Result(nodes, batch.add(log), "namespaces", 7)


def test_a_published_blob_can_be_read(store: Store) -> None:
    """Before publishing, the store has none of it."""
    batch = store.batch()
    digest = batch.add(b"hello")
    assert not store.has(digest)
    with pytest.raises(Missing):
        store.read(digest)
    store.publish([batch])
    assert store.has(digest) and store.read(digest) == b"hello"


def test_files_are_added_by_content(store: Store, tmp_path: Path) -> None:
    """A change of the file after `add_file` does not change the blob."""
    path = tmp_path / "file"
    path.write_bytes(b"before")
    batch = store.batch()
    digest = batch.add_file(str(path))
    path.write_bytes(b"after!")
    store.publish([batch])
    assert digest == Digest.of(b"before") and store.read(digest) == b"before"


def test_a_batch_reuses_what_it_or_the_store_has(store: Store) -> None:
    """A blob of another size is another blob."""
    (digest,) = put(store, b"data")
    batch = store.batch()
    own = batch.add(b"own")
    assert batch.reuse(digest) and batch.reuse(own)
    assert not batch.reuse(Digest.of(b"never")) and not batch.reuse(Digest(digest.hash, 3))
    store.drop(batch)


@pytest.mark.parametrize("kind", ["symlink", "fifo", "folder", "absent"])
def test_only_regular_files_are_added(store: Store, tmp_path: Path, kind: str) -> None:
    """Symlinks are not followed, and a FIFO is not waited for."""
    path = tmp_path / kind
    (tmp_path / "target").write_bytes(b"secret")
    if kind == "symlink":
        path.symlink_to(tmp_path / "target")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(OSError):
        store.batch().add_file(str(path))


@pytest.mark.parametrize(("executable", "mode"), [(False, 0o444), (True, 0o555)])
def test_a_placed_blob_is_a_new_read_only_file(
    store: Store, tmp_path: Path, executable: bool, mode: int
) -> None:
    """It has the requested mode, and never replaces another file."""
    (digest,) = put(store, b"data")
    path = tmp_path / "placed"
    store.place(digest, str(path), executable)
    assert (
        path.read_bytes() == b"data"
        and stat.S_IMODE(path.stat().st_mode) == mode
        and path.stat().st_nlink == 1
    )
    with pytest.raises(FileExistsError):
        store.place(digest, str(path), executable)


def test_a_file_that_the_caller_creates_gets_the_blob_only(store: Store, tmp_path: Path) -> None:
    """Earlier bytes of the file are overwritten and cut off."""
    (digest,) = put(store, b"data")
    path = tmp_path / "placed"
    path.write_bytes(b"longer than that")
    store.place(digest, str(path), False, lambda name: os.open(name, os.O_WRONLY))
    assert path.read_bytes() == b"data"


def test_placing_a_missing_blob_leaves_no_file(store: Store, tmp_path: Path) -> None:
    """No empty file is left."""
    with pytest.raises(Missing):
        store.place(Digest.of(b"never"), str(tmp_path / "placed"), False)
    assert not (tmp_path / "placed").exists()


def test_a_digest_with_another_size_is_another_blob(store: Store) -> None:
    """The blob itself is kept."""
    (digest,) = put(store, b"data")
    lie = Digest(digest.hash, 3)
    assert not store.has(lie)
    with pytest.raises(Missing):
        store.read(lie)
    assert store.read(digest) == b"data"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "x" * 64, "a" * 63])
def test_a_malformed_digest_names_no_blob(store: Store, name: str) -> None:
    """Digests may come from messages of other programs."""
    assert not store.has(Digest(name, 1))
    with pytest.raises(Missing):
        store.read(Digest(name, 1))


def test_a_result_is_recalled_with_its_parts(store: Store) -> None:
    """Any later caller gets the recorded result."""
    batch = store.batch()
    expected = result(batch, {"a": b"1", "b/c": b"2"})
    batch.record(KEY, expected, {"action": b"\0\xff", "command": b""})
    assert store.recall(KEY) is None and not store.remembers(KEY)
    store.publish([batch])
    assert (
        store.recall(KEY) == expected
        and store.remembers(KEY)
        and not store.remembers(Digest.of(b"another"))
    )
    assert store.parts(KEY) == {"action": b"\0\xff", "command": b""}
    assert (
        store.recall(Digest.of(b"another")) is None and store.parts(Digest.of(b"another")) is None
    )


def test_a_kept_batch_is_readable_at_once(store: Store, tmp_path: Path) -> None:
    """This holds for blobs and results; publishing changes nothing for this process."""
    batch = store.batch()
    expected = result(batch, {"a": b"kept"})
    batch.record(KEY, expected, {"action": b"x"})
    store.keep(batch)
    for _ in range(2):
        assert store.recall(KEY) == expected and store.parts(KEY) == {"action": b"x"}
        assert store.has(Digest.of(b"kept")) and store.read(Digest.of(b"kept")) == b"kept"
        store.publish()
    again = store.batch()
    assert again.add(b"kept") == Digest.of(b"kept")
    store.publish([again])
    store.place(Digest.of(b"kept"), str(tmp_path / "placed"), False)
    assert (tmp_path / "placed").read_bytes() == b"kept"


def test_a_kept_result_is_remembered_at_once(store: Store) -> None:
    """It is remembered before it is published."""
    batch = store.batch()
    batch.record(KEY, result(batch, {"a": b"1"}), {})
    store.keep(batch)
    assert store.remembers(KEY)


def test_the_later_result_of_a_key_wins(store: Store) -> None:
    """A stricter run may replace a laxer one."""
    for log in (b"first", b"second"):
        batch = store.batch()
        batch.record(KEY, result(batch, {}, log), {})
        store.publish([batch])
    recalled = store.recall(KEY)
    assert recalled is not None and store.read(recalled.log) == b"second"


@pytest.mark.parametrize("absent", ["log", "file", "tree", "file in tree", "folder in tree"])
def test_a_result_counts_only_with_all_its_blobs(store: Store, absent: str) -> None:
    """The folders and files in its trees count."""
    inner = encode_directory(Directory(files=(("f", Digest.of(b"in tree"), False),)))
    outer = encode_directory(Directory(directories=(("d", Digest.of(inner)),)))
    blobs = {
        "log": b"log",
        "file": b"file",
        "tree": outer,
        "file in tree": b"in tree",
        "folder in tree": inner,
    }
    expected = Result(
        (("f", File(Digest.of(b"file"))), ("t", Tree(Digest.of(outer)))),
        Digest.of(b"log"),
        "none",
        1,
    )
    batch = store.batch()
    batch.record(KEY, expected, {})
    for name, data in blobs.items():
        if name != absent:
            batch.add(data)
    store.publish([batch])
    assert store.recall(KEY) is None
    put(store, blobs[absent])
    assert store.recall(KEY) == expected


def test_a_tree_that_is_no_directory_is_no_result(store: Store) -> None:
    """No exception is raised."""
    batch = store.batch()
    batch.record(
        KEY, Result((("t", Tree(batch.add(b"no directory"))),), batch.add(b""), "none", 1), {}
    )
    store.publish([batch])
    assert store.recall(KEY) is None


def test_a_dropped_batch_leaves_nothing(store: Store) -> None:
    """It cannot be used again."""
    batch = store.batch()
    digest = batch.add(b"gone")
    store.drop(batch)
    assert not store.has(digest)
    with pytest.raises(AssertionError):
        store.publish([batch])
    with pytest.raises(AssertionError):
        batch.add(b"more")


def test_many_batches_are_published_at_once(store: Store) -> None:
    """Threads publish batches with blobs in common."""
    batches = [store.batch() for _ in range(4)]

    def fill(number: int) -> list[Digest]:
        return [batches[number % 4].add(b"%d" % (number % 7)) for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        added = [digest for digests in pool.map(fill, range(28)) for digest in digests]
    store.publish(batches)
    assert all(store.has(digest) for digest in added) and len(set(added)) == 7


def test_the_empty_blob_is_a_blob(store: Store) -> None:
    """It exists once it is published."""
    assert put(store, b"") == [EMPTY] and store.read(EMPTY) == b""


TEXT = st.text(max_size=20).map(lambda text: text.replace("\0", ""))
DIGESTS = st.binary(max_size=8).map(Digest.of)
NODES = st.one_of(st.builds(File, DIGESTS, st.booleans()), st.builds(Tree, DIGESTS))
OUTPUTS = st.dictionaries(TEXT, NODES, max_size=4).map(
    lambda outputs: tuple(sorted(outputs.items(), key=lambda pair: pair[0]))
)
RESULTS = st.builds(Result, OUTPUTS, DIGESTS, TEXT, st.integers(0, 1 << 40))
PARTS = st.dictionaries(TEXT, st.binary(max_size=40), max_size=4)


@given(RESULTS, PARTS)
def test_records_come_back_as_written(result: Result, parts: dict[str, bytes]) -> None:
    """Equal results have equal bytes."""
    data = result_record.encode(KEY, result, parts)
    assert (
        result_record.decode(KEY, data) == (result, parts)
        and result_record.encode(KEY, result, parts) == data
    )


@given(RESULTS, PARTS, st.data())
def test_a_changed_record_is_discarded(
    result: Result, parts: dict[str, bytes], data: st.DataObject
) -> None:
    """Change any byte, cut it anywhere, or use another key."""
    whole = result_record.encode(KEY, result, parts)
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    assert result_record.decode(KEY, bytes(flipped)) is None
    assert result_record.decode(KEY, whole[:at]) is None
    assert result_record.decode(Digest.of(b"another"), whole) is None


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.lists(st.binary(max_size=50), max_size=4), max_size=5),
    st.lists(st.booleans(), min_size=5),
)
def test_both_kinds_have_the_same_content(rounds: list[list[bytes]], publish: list[bool]) -> None:
    """The stores agree after any sequence of published and dropped batches."""
    with tempfile.TemporaryDirectory() as folder:
        stores: tuple[Store, ...] = (MemoryStore(), DiskStore(os.path.join(folder, "cache")))
        for blobs, publishes in zip(rounds, publish):
            for store in stores:
                batch = store.batch()
                for blob in blobs:
                    batch.add(blob)
                if publishes:
                    store.publish([batch])
                else:
                    store.drop(batch)
        for digest in {Digest.of(blob) for blobs in rounds for blob in blobs}:
            assert stores[0].has(digest) == stores[1].has(digest)
