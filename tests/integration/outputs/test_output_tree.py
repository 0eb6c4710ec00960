"""A process that is killed while it writes outputs leaves nothing that stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.store.disk import DiskStore
from buildgraph.types.digest import Digest
from tests.unit.outputs.test_output_tree import add_files, below, root, show, store

__all__ = ["root", "store"]


def test_killed_on_the_way_it_leaves_nothing_that_stays(
    root: Path, store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = add_files(store, *(b"%d" % number for number in range(5)))
    stood = [(f"out/t{number}/o", file) for number, file in enumerate(files)]
    child = os.fork()
    if not child:
        place, count = store.place, iter(range(3))

        def killed(digest: Digest, path: str, executable: bool) -> None:
            if next(count, None) is None:
                os._exit(9)
            place(digest, path, executable)

        monkeypatch.setattr(store, "place", killed)
        show(root, store, *stood)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not (root / "out").exists() and os.listdir(root / ".buildgraph/built") == [
        f"out.{child}"
    ]
    show(root, store, *stood)
    assert len(below(root / "out")) == 6 and os.listdir(root / ".buildgraph/built") == []
