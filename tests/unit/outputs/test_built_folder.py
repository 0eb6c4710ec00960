"""Folders of `built`: equal files of the folder of before are linked, and all others copied."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.files.stamp import COARSE_NS, file_system_time, fingerprint
from buildgraph.host.source_files import SourceFiles
from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.outputs.output_tree import OutputTree
from buildgraph.store.disk import DiskStore
from buildgraph.types.result import File, Node, Tree

LINK = "out/t/tree"


class Outputs:
    """A workspace with outputs. Each build of it begins long after the one before."""

    def __init__(self, folder: Path) -> None:
        self.root, self.store = folder / "w", DiskStore(str(folder / "cache"))
        self.root.mkdir()
        self.stamps: dict[str, tuple[int, ...]] = {}
        self.placed: list[str] = []

    def tree(self, **texts: bytes) -> Tree:
        """A tree with these files, and with a folder that has the same."""
        batch = self.store.batch()
        files = tuple((name, batch.add(text), name == "tool") for name, text in texts.items())
        inner = batch.add(encode_directory(Directory(files)))
        tree = Tree(batch.add(encode_directory(Directory(files, (("sub", inner),)))))
        self.store.publish([batch])
        return tree

    def show(self, *placed: tuple[str, Node], later: int = COARSE_NS) -> None:
        """Write outputs; `placed` are the names of the files that were copied."""
        began = file_system_time(str(self.root)) + later
        tree = OutputTree(str(self.root), self.store, SourceFiles(str(self.root)), began)
        others = [(path, path.rpartition("/")[2], node) for path, node in placed]
        self.placed = []
        place = self.store.place

        def noted(digest: object, path: str, *rest: object) -> None:
            self.placed.append(os.path.basename(path))
            place(digest, path, *rest)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.store, "place", noted)
            self.stamps = dict(tree.write((), _nothing, lambda event: None, None, others).files)
        assert {path: fingerprint(path) for path in self.stamps} == self.stamps

    def texts(self, link: str = LINK) -> dict[str, bytes]:
        """The files of an output."""
        top = self.root / link
        return {
            str(path.relative_to(top)): path.read_bytes()
            for path in top.rglob("*")
            if path.is_file()
        }

    def built(self) -> int:
        """The number of folders."""
        return len(os.listdir(self.root / ".buildgraph/built"))


def _nothing(*_: object) -> Node:
    raise AssertionError


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path)


def test_only_changed_files_are_copied(outputs: Outputs) -> None:
    """The stamps are those of the end, and the folder of before is gone."""
    outputs.show((LINK, outputs.tree(a=b"a", b=b"b", tool=b"t")))
    inode = (outputs.root / LINK / "sub/a").stat().st_ino
    outputs.show((LINK, outputs.tree(a=b"a", b=b"c", tool=b"t", new=b"n")))
    expected = {"a": b"a", "b": b"c", "tool": b"t", "new": b"n"}
    assert outputs.texts() == expected | {f"sub/{name}": text for name, text in expected.items()}
    assert sorted(outputs.placed) == ["b", "b", "new", "new"]
    kept = (outputs.root / LINK / "sub/a").stat()
    assert (kept.st_ino, kept.st_nlink, outputs.built()) == (inode, 1, 1)
    assert os.access(outputs.root / LINK / "tool", os.X_OK)
    outputs.show((LINK, outputs.tree(a=b"a", b=b"c", tool=b"t", new=b"n")))
    assert outputs.placed == []


@pytest.mark.parametrize("edit", ["bytes", "mode", "link", "name", "gone"])
def test_a_file_that_was_edited_by_hand_is_copied(outputs: Outputs, edit: str) -> None:
    """Also if its size and its time are those of before."""
    outputs.show((LINK, outputs.tree(a=b"a", b=b"b")))
    path = outputs.root / LINK / "a"
    status = path.stat()
    if edit == "mode":
        path.chmod(0o644)
    elif edit == "name":
        os.link(path, outputs.root / "mine")
    else:
        path.unlink()
    if edit == "bytes":
        path.write_bytes(b"x")
        path.chmod(0o444)
        os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    elif edit == "link":
        (outputs.root / "mine").write_bytes(b"a")
        path.symlink_to(outputs.root / "mine")
    outputs.show((LINK, outputs.tree(a=b"a", b=b"c")))
    assert outputs.texts() == {"a": b"a", "b": b"c", "sub/a": b"a", "sub/b": b"c"}
    assert sorted(outputs.placed) == ["a", "b", "b"]
    new = (outputs.root / LINK / "a").lstat()
    assert (new.st_nlink, new.st_mode & 0o777) == (1, 0o444)


def test_a_file_that_may_still_change_is_copied(outputs: Outputs) -> None:
    """It was written within some ticks before the build began."""
    outputs.show((LINK, outputs.tree(a=b"a")), later=0)
    outputs.show((LINK, outputs.tree(a=b"a", b=b"b")), later=0)
    assert sorted(outputs.placed) == ["a", "a", "b", "b"]


def test_a_folder_that_another_output_has_is_left_alone(outputs: Outputs) -> None:
    """Two folders with one file would change each other's stamps."""
    other, first = "out/t/other/tree", outputs.tree(a=b"a")
    outputs.show((LINK, first), (other, first))
    outputs.show((LINK, outputs.tree(a=b"a", b=b"b")))
    assert sorted(outputs.placed) == ["a", "a", "b", "b"] and outputs.built() == 2
    assert outputs.texts(other) == {"a": b"a", "sub/a": b"a"}
    assert (outputs.root / other / "a").stat().st_nlink == 1


def test_a_damaged_folder_is_made_again(outputs: Outputs) -> None:
    """Nothing is taken from a folder of the same name."""
    tree = outputs.tree(a=b"a", b=b"b")
    outputs.show((LINK, tree))
    (outputs.root / LINK / "a").unlink()
    outputs.show((LINK, tree))
    assert outputs.texts() == {"a": b"a", "b": b"b", "sub/a": b"a", "sub/b": b"b"}
    assert len(outputs.placed) == 4


def test_a_link_of_the_users_is_not_followed(outputs: Outputs) -> None:
    """A folder outside of `built` gives no files."""
    outputs.show((LINK, outputs.tree(a=b"a")))
    mine = outputs.root / "mine"
    os.rename(os.path.realpath(outputs.root / LINK), mine)
    (outputs.root / LINK).unlink()
    (outputs.root / LINK).symlink_to(mine)
    outputs.show((LINK, outputs.tree(a=b"a", b=b"b")))
    assert len(outputs.placed) == 4 and sorted(os.listdir(mine)) == ["a", "sub"]


def test_only_files_are_linked(outputs: Outputs) -> None:
    """A file that becomes a folder, and the reverse."""
    batch = outputs.store.batch()
    text = File(batch.add(b"x"))
    inner = batch.add(encode_directory(Directory((("x", text.digest, False),))))
    one = batch.add(encode_directory(Directory((("x", text.digest, False),), (("y", inner),))))
    two = batch.add(encode_directory(Directory((("y", text.digest, False),), (("x", inner),))))
    outputs.store.publish([batch])
    outputs.show((LINK, Tree(one)))
    outputs.show((LINK, Tree(two)))
    assert outputs.texts() == {"y": b"x", "x/x": b"x"} and len(outputs.placed) == 2
