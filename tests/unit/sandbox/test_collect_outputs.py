"""Staging and collecting: allowed inputs and outputs, and that contents do not change."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.keys.reapi import Directory, decode_directory, encode_directory
from buildgraph.sandbox.collect_outputs import collect
from buildgraph.sandbox.staging import stage
from buildgraph.store.memory import MemoryStore
from buildgraph.store.protocol import Missing
from buildgraph.types.action import Out
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from buildgraph.types.result import File, Node, Tree


def gather(out: Path, *declared: Out) -> tuple[dict[str, Node], MemoryStore]:
    """Collect outputs and publish them."""
    store = MemoryStore()
    batch = store.batch()
    nodes = dict(collect(str(out), declared, batch))
    store.publish([batch])
    return nodes, store


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a folder that a command wrote to."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_files_and_trees_are_collected(out: Path) -> None:
    """Exec bits are kept, in folders too, and paths are sorted."""
    (out / "bin").mkdir()
    (out / "bin" / "tool").write_bytes(b"tool")
    (out / "bin" / "tool").chmod(0o700)
    (out / "tree" / "empty").mkdir(parents=True)
    (out / "tree" / "f").write_bytes(b"f")
    (out / "tree" / "link").symlink_to("f")
    nodes, store = gather(out, Out("tree", tree=True), Out("bin/tool"))
    assert nodes["bin/tool"] == File(Digest.of(b"tool"), True)
    assert list(nodes) == ["bin/tool", "tree"]
    folder = decode_directory(store.read(nodes["tree"].digest))
    assert folder == Directory(
        (("f", Digest.of(b"f"), False),), (("empty", Digest.of(b"")),), (("link", "f"),)
    )
    assert store.read(Digest.of(b"tool")) == b"tool"


def test_unreadable_outputs_are_collected(out: Path) -> None:
    """A command may have removed all permissions."""
    (out / "tree").mkdir()
    (out / "tree" / "f").write_bytes(b"f")
    (out / "tree" / "f").chmod(0)
    (out / "tree").chmod(0)
    nodes, store = gather(out, Out("tree", tree=True))
    assert store.has(Digest.of(b"f")) and store.has(nodes["tree"].digest)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)


def _setuid(path: Path) -> None:
    path.write_bytes(b"")
    path.chmod(0o4755)


def _hard_link(path: Path) -> None:
    (path.parents[1] / "elsewhere").write_bytes(b"secret")
    os.link(path.parents[1] / "elsewhere", path)


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


BAD: dict[str, Callable[[Path], None]] = {
    "FIFO": _pipe,
    "socket": _socket,
    "setuid": _setuid,
    "hard link": _hard_link,
    "symlink": _link("/etc/passwd"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("place", ["file", "tree"])
def test_entries_that_cannot_be_stored_are_refused(
    out: Path, kind: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has path and kind, for a file and for an entry of a tree."""
    monkeypatch.chdir(out)
    (out / "tree").mkdir()
    (out / "tree" / "good").write_bytes(b"good")
    path = out / "file" if place == "file" else out / "tree" / "bad"
    BAD[kind](path)
    declared = (Out("tree", tree=True), *([Out("file")] if place == "file" else []))
    with pytest.raises(BuildError, match=f"{path.relative_to(out)} is .*{kind}") as fault:
        gather(out, *declared)
    assert fault.value.reason == "failed"


@pytest.mark.parametrize(
    "target", ["../../etc/passwd", "..", "../x", "/etc", "d/../f", "./f", "d//f", "f/", "d/.."]
)
def test_symlinks_that_could_leave_a_tree_are_refused(out: Path, target: str) -> None:
    """A target that leaves the tree only through another symlink is refused, too."""
    (out / "tree").mkdir()
    (out / "tree" / "link").symlink_to(target)
    with pytest.raises(BuildError, match="leaves its tree"):
        gather(out, Out("tree", tree=True))


def test_missing_and_undeclared_outputs_are_all_named(out: Path) -> None:
    """One message lists all of them."""
    (out / "extra").write_bytes(b"")
    (out / "folder").mkdir()
    (out / "wrong").mkdir()
    with pytest.raises(BuildError) as fault:
        gather(out, Out("wrong"), Out("absent"), Out("deep/absent"))
    for words in (
        "'extra' was created but not declared",
        "'folder' was created but not declared",
        "absent was declared",
        "deep/absent was declared",
        "wrong was declared as a file but is not one",
    ):
        assert words in fault.value.what
    assert fault.value.reason == "failed"


def test_a_tree_without_end_is_refused(out: Path) -> None:
    """Collecting raises a BuildError, not a RecursionError."""
    path = out / "tree"
    for _ in range(70):
        path = path / "d"
    path.mkdir(parents=True)
    with pytest.raises(BuildError, match="folders deep"):
        gather(out, Out("tree", tree=True))


def test_a_symlinked_out_is_not_followed(out: Path, tmp_path: Path) -> None:
    """The target of the symlink does not matter."""
    (tmp_path / "link").symlink_to(out)
    with pytest.raises(OSError):
        gather(tmp_path / "link")


def test_collected_outputs_can_be_staged(out: Path, tmp_path: Path) -> None:
    """The same tree is staged read-only; collected again, it is the same node."""
    (out / "tree" / "a" / "b").mkdir(parents=True)
    (out / "tree" / "a" / "b" / "x").write_bytes(b"x")
    (out / "tree" / "a" / "b" / "x").chmod(0o755)
    (out / "tree" / "a" / "up").symlink_to("../y")
    (out / "tree" / "y").write_bytes(b"y")
    nodes, store = gather(out, Out("tree", tree=True))
    root = tmp_path / "stage"
    root.mkdir()
    stage(str(root), [("in/tree", nodes["tree"]), ("in/file", File(Digest.of(b"y")))], store)
    assert (root / "in/tree/a/up").read_bytes() == b"y" == (root / "in/file").read_bytes()
    assert stat.S_IMODE((root / "in/tree/a/b/x").stat().st_mode) == 0o555
    assert stat.S_IMODE((root / "in/file").stat().st_mode) == 0o444
    assert gather(root / "in", Out("tree", tree=True), Out("file"))[0]["tree"] == nodes["tree"]


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "a/../x", "a//x", "./x", "a/.", "a\0b"])
def test_inputs_stay_in_the_stage(tmp_path: Path, path: str) -> None:
    """Paths that lead out are refused."""
    store = MemoryStore()
    batch = store.batch()
    node = File(batch.add(b"x"))
    store.publish([batch])
    with pytest.raises(BuildError) as fault:
        stage(str(tmp_path), [(path, node)], store)
    assert fault.value.reason == "rule" and os.listdir(tmp_path) == []


TREE = encode_directory(Directory(files=(("f", Digest.of(b"x"), False),)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "a"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("a/b/c", "a/b"),
        ("t", "t/new"),
        ("t", "t/f"),
        ("t/new", "t"),
        ("t", "t"),
    ],
)
def test_two_inputs_at_one_place_are_refused(tmp_path: Path, first: str, second: str) -> None:
    """Paths are equal, or one is beneath the other, in either order."""
    store = MemoryStore()
    batch = store.batch()
    nodes: dict[bool, Node] = {False: File(batch.add(b"x")), True: Tree(batch.add(TREE))}
    store.publish([batch])
    with pytest.raises(BuildError, match="two inputs are staged at"):
        stage(str(tmp_path), [(path, nodes[path == "t"]) for path in (first, second)], store)


@pytest.mark.parametrize("path", ["out", "out/x"])
def test_inputs_stay_out_of_the_outputs(tmp_path: Path, path: str) -> None:
    """The folder of outputs exists before inputs are staged."""
    store = MemoryStore()
    batch = store.batch()
    node = File(batch.add(b"x"))
    store.publish([batch])
    (tmp_path / "out").mkdir()
    with pytest.raises(BuildError, match="below out/"):
        stage(str(tmp_path), [(path, node)], store)
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize("target", ["../../etc", "/etc/passwd"])
def test_a_tree_from_elsewhere_cannot_leave_either(tmp_path: Path, target: str) -> None:
    """Trees may come from other programs that write to the store."""
    store = MemoryStore()
    batch = store.batch()
    tree = Tree(batch.add(encode_directory(Directory(symlinks=(("link", target),)))))
    store.publish([batch])
    with pytest.raises(BuildError) as fault:
        stage(str(tmp_path), [("t", tree)], store)
    assert fault.value.reason == "broken"


def test_a_missing_input_passes_through(tmp_path: Path) -> None:
    """The caller can build the missing input again."""
    with pytest.raises(Missing):
        stage(str(tmp_path), [("f", File(Digest.of(b"never")))], MemoryStore())
