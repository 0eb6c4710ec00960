"""Generated workspace with every kind of stored file, whose outputs are known without a build."""

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
argv = ["sh", "-c", "mkdir {{o}}/deep; cat {words} | sort > {{o}}/deep/all; \
cp {{f0}} {{o}}/run; chmod 755 {{o}}/run"]
"""


def build_file(salt: str, width: int, sleep: float = 0) -> str:
    """Return a BUILD.toml with `width` targets of a file, and a target with a tree of all files."""
    names = [f"f{n}" for n in range(width)]
    tree = _TREE.format(
        inputs=", ".join(f'{name} = ":{name}"' for name in names),
        words=" ".join(f"{{{name}}}" for name in names),
    )
    return _HEAD + "".join(_FILE.format(n=n, sleep=sleep) for n in range(width)) + tree


def generated_workspace(
    folder: Path, width: int = 3, sleep: float = 0, cache: Path | None = None
) -> Space:
    """Create the workspace in a folder, with inputs of the word "0"."""
    workspace = space(folder, build_file("0", width, sleep), cache)
    change_inputs(workspace, "0", width)
    return workspace


def change_inputs(of: Space, word: str, width: int = 3) -> None:
    """Write a new content, with the word in it, to every input."""
    for n in range(width):
        of.write(f"in{n}.txt", f"{word} {n}\n")


def expected_outputs(word: str, width: int = 3) -> dict[str, bytes]:
    """Return the expected content of each output, by path below out/."""
    files = {f"f{n}/f{n}.txt": f"{word} {n}\n".encode() * 2 for n in range(width)}
    lines = sorted(line for data in files.values() for line in data.splitlines(True))
    return files | {"tree/t/deep/all": b"".join(lines), "tree/t/run": files["f0/f0.txt"]}


def check_outputs(of: Space, word: str, width: int = 3) -> None:
    """Check the content of every output, and that the tree contains nothing else."""
    for path, data in expected_outputs(word, width).items():
        assert (of.root / "out" / path).read_bytes() == data, path
    assert os.access(of.root / "out/tree/t/run", os.X_OK)
    assert sorted(os.listdir(of.root / "out/tree/t")) == ["deep", "run"]


def check_cache(of: Space) -> None:
    """Check that no blob or record of the cache is damaged, and that no record lacks a blob."""
    store = DiskStore(str(of.cache))
    report = check_store(store)
    assert report.damaged == () == report.dangling
    store.close()


def check_no_scratch(of: Space) -> None:
    """Check that no scratch folder of a living or dead process is left."""
    for folder in ("work", "tmp"):
        assert not os.path.isdir(of.cache / folder) or os.listdir(of.cache / folder) == []


@dataclass
class BuildSummary:
    """Number of actions that ran in a build, and its warnings."""

    ran: int
    warnings: list[str]


def build_in_process(of: Space, fresh: bool = True) -> BuildSummary:
    """Build all targets in this process, unconfined; `fresh` first deletes earlier outputs."""
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
    return BuildSummary(
        sum(isinstance(event, Done) and event.how == "ran" for event in events),
        [event.text for event in events if isinstance(event, Warned)],
    )


def stored_files_by_kind(of: Space) -> dict[str, list[Path]]:
    """Return stored files by kind: records, and blobs of outputs, Directory messages or logs."""
    outputs = {hashlib.sha256(data).hexdigest() for data in expected_outputs("0").values()}
    records = sorted(path for path in (of.cache / "results").rglob("*") if path.is_file())
    files: dict[str, list[Path]] = {"record": records, "output": [], "directory": [], "log": []}
    for blob in sorted((of.cache / "blobs/sha256").iterdir()):
        data = blob.read_bytes()
        kind = (
            "output"
            if blob.name in outputs
            else "log"
            if data.startswith(b"made") or not data
            else "directory"
        )
        files[kind].append(blob)
    assert all(files.values()), files
    return files
