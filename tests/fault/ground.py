"""A workspace with every kind of stored thing, whose right outputs are known without building it."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from buildgraph.build.run_build import Request, build
from buildgraph.store.disk import DiskStore
from buildgraph.store.fsck import check_store
from buildgraph.types.events import Done, Event, Warned
from tests.support.workspace import Space, space

_HEAD = '[workspace]\nname = "ground"\n'
_FILE = """
[f{n}]
rule = "command"
inputs = {{ text = "in{n}.txt" }}
outputs = {{ o = "f{n}.txt" }}
argv = ["sh", "-c", "sleep {sleep}; echo made {n}; cat {{text}} {{text}} > {{o}}"]
"""
_TREE = """
[tree]
rule = "command"
inputs = {{ {inputs} }}
outputs = {{ o = "t/" }}
argv = ["sh", "-c", "mkdir {{o}}/deep; cat {words} | sort > {{o}}/deep/all; cp {{f0}} {{o}}/run; chmod 755 {{o}}/run"]
"""


def text(salt: str, width: int, sleep: float = 0) -> str:
    """The BUILD.toml: `width` files, and a tree of all of them."""
    names = [f"f{n}" for n in range(width)]
    tree = _TREE.format(
        inputs=", ".join(f'{name} = ":{name}"' for name in names),
        words=" ".join(f"{{{name}}}" for name in names),
    )
    return _HEAD + "".join(_FILE.format(n=n, sleep=sleep) for n in range(width)) + tree


def ground(folder: Path, width: int = 3, sleep: float = 0, cache: Path | None = None) -> Space:
    """The workspace in a folder, its inputs of salt 0."""
    made = space(folder, text("0", width, sleep), cache)
    salt(made, "0", width)
    return made


def salt(of: Space, word: str, width: int = 3) -> None:
    """Give every input a new content."""
    for n in range(width):
        of.write(f"in{n}.txt", f"{word} {n}\n")


def right(word: str, width: int = 3) -> dict[str, bytes]:
    """Path below out/ -> what must stand there."""
    files = {f"f{n}/f{n}.txt": f"{word} {n}\n".encode() * 2 for n in range(width)}
    lines = sorted(line for data in files.values() for line in data.splitlines(True))
    return files | {"tree/t/deep/all": b"".join(lines), "tree/t/run": files["f0/f0.txt"]}


def stands(of: Space, word: str, width: int = 3) -> None:
    """Every output is right, and nothing else is in the tree."""
    for path, data in right(word, width).items():
        assert (of.root / "out" / path).read_bytes() == data, path
    assert os.access(of.root / "out/tree/t/run", os.X_OK)
    assert sorted(os.listdir(of.root / "out/tree/t")) == ["deep", "run"]


def whole(of: Space) -> None:
    """No blob or record of the cache is damaged, and no record lacks a blob."""
    store = DiskStore(str(of.cache))
    found = check_store(store)
    assert found.damaged == () == found.dangling
    store.close()


def idle(of: Space) -> None:
    """Nothing is left of a build that ended: no scratch folder of a living or dead process."""
    for folder in ("work", "tmp"):
        assert not os.path.isdir(of.cache / folder) or os.listdir(of.cache / folder) == []


@dataclass
class Made:
    """What a build in this process did: how many actions ran, and its warnings."""

    ran: int
    warnings: list[str]


def make(of: Space, fresh: bool = True) -> Made:
    """Build all in this process without a sandbox; `fresh` forgets what stands in the workspace first."""
    events: list[Event] = []
    if fresh:
        for folder in ("out", ".buildgraph"):
            shutil.rmtree(of.root / folder, ignore_errors=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILDGRAPH_CACHE", str(of.cache))
        assert (
            build(
                str(of.root), Request(("//...",), sandbox="none"), events.append, threading.Event()
            )
            == 0
        )
    return Made(
        sum(isinstance(event, Done) and event.how == "ran" for event in events),
        [event.text for event in events if isinstance(event, Warned)],
    )


def kinds(of: Space) -> dict[str, list[Path]]:
    """The stored files by kind: records, and blobs that are outputs, Directory messages or logs."""
    outputs = {hashlib.sha256(data).hexdigest() for data in right("0").values()}
    records = sorted(path for path in (of.cache / "results").rglob("*") if path.is_file())
    found: dict[str, list[Path]] = {"record": records, "output": [], "directory": [], "log": []}
    for blob in sorted((of.cache / "blobs/sha256").iterdir()):
        data = blob.read_bytes()
        kind = (
            "output"
            if blob.name in outputs
            else "log"
            if data.startswith(b"made") or not data
            else "directory"
        )
        found[kind].append(blob)
    assert all(found.values()), found
    return found
