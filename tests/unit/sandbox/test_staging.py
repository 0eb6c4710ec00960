"""Staging of trees: depth, symlinks, and damaged Directory messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.sandbox.staging import stage
from buildgraph.store.memory import MemoryStore
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from buildgraph.types.result import Tree


def publish(store: MemoryStore, *folders: Directory | bytes) -> list[Digest]:
    """Publish Directory messages, and return their digests."""
    batch = store.batch()
    digests = [
        batch.add(folder if isinstance(folder, bytes) else encode_directory(folder))
        for folder in folders
    ]
    store.publish([batch])
    return digests


def nested(store: MemoryStore, depth: int) -> Tree:
    """Return a tree of folders in each other."""
    (digest,) = publish(store, Directory())
    for _ in range(depth):
        (digest,) = publish(store, Directory(directories=(("d", digest),)))
    return Tree(digest)


def test_a_tree_may_have_64_folders_in_each_other(tmp_path: Path) -> None:
    store = MemoryStore()
    stage(str(tmp_path), [("t", nested(store, 64))], store)
    assert (tmp_path / "t" / "/".join("d" * 64)).is_dir()
    with pytest.raises(BuildError, match="too deep") as error:
        stage(str(tmp_path), [("u", nested(store, 65))], store)
    assert error.value.reason == "broken"


@pytest.mark.parametrize(
    ("target", "fits"), [("../x", True), ("../../x", False), ("/x", False), ("a/../b", False)]
)
def test_a_symlink_must_stay_in_its_tree(tmp_path: Path, target: str, fits: bool) -> None:
    store = MemoryStore()
    (inner,) = publish(store, Directory(symlinks=(("link", target),)))
    (outer,) = publish(store, Directory(directories=(("d", inner),)))
    if fits:
        stage(str(tmp_path), [("t", Tree(outer))], store)
        assert (tmp_path / "t/d/link").readlink() == Path(target)
    else:
        with pytest.raises(BuildError, match="'t/d' is too deep, or a symlink leaves it"):
            stage(str(tmp_path), [("t", Tree(outer))], store)


def test_a_damaged_folder_is_named_by_its_path(tmp_path: Path) -> None:
    store = MemoryStore()
    (inner,) = publish(store, b"no directory")
    (outer,) = publish(store, Directory(directories=(("a", publish(store, Directory())[0]),)))
    (top,) = publish(store, Directory(directories=(("b", inner), ("c", outer))))
    with pytest.raises(BuildError, match="the tree staged at 't/b' is damaged") as error:
        stage(str(tmp_path), [("t", Tree(top))], store)
    assert error.value.reason == "broken"
