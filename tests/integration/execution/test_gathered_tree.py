"""The tree of source files by their digests is the one that the tool makes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from buildgraph.execution.action_runner import ActionRunner, TaskOutcome
from buildgraph.execution.gathered_tree import (
    TOOL,
    TOOL_SHA256,
    GatheringRunner,
    is_gathering,
)
from buildgraph.execution.task_job import Task
from buildgraph.host.environment import RULES_FOLDER
from buildgraph.host.host_tools import HostTools
from buildgraph.host.source_files import SourceChanged, SourceFiles, hash_file
from buildgraph.keys.action_key import key_of
from buildgraph.lite.contextmanagers import Cancelled
from buildgraph.store.batch import DiskBatch
from buildgraph.store.disk import DiskStore
from buildgraph.types.action import Action, Artifact, Content, Out, Shipped, Source
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Node, Tree

TEXTS = {"a.txt": b"a", "deep/er/b.txt": b"b" * 5000, "deep/empty": b"", "deep/tool": b"#!sh"}
SHIPPED = os.path.join(RULES_FOLDER, TOOL.name)
ARGV = ("python3", "-S", "-s", "-B", "tools/copy_tree.py", "files", "out/tree")
ACTION = Action(ARGV, (), (Out("tree", tree=True),), programs=("python3",))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in TEXTS.items():
        path = tmp_path / "w" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    (tmp_path / "w/deep/tool").chmod(0o755)
    (tmp_path / "w/link").symlink_to("a.txt")
    return tmp_path / "w"


def task_of(root: Path, action: Action = ACTION, *more: tuple[str, Artifact, Node, str]) -> Task:
    """The task that gathers the files of a workspace; `more` are inputs instead of equal paths."""
    sources = SourceFiles(str(root))
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    inputs: dict[str, tuple[str, Artifact, Node, str]] = {
        f"files/{name}": (
            f"files/{name}",
            Source(name),
            File(*sources.digest(name)),
            sources.path(name),
        )
        for name in names
    }
    inputs["tools/copy_tree.py"] = "tools/copy_tree.py", TOOL, File(hash_file(SHIPPED)), SHIPPED
    inputs |= {entry[0]: entry for entry in more}
    tools = HostTools(sources)
    key = key_of(
        action,
        [(path, node) for path, _, node, _ in inputs.values()],
        {"program:python3": "some"},
    )
    programs = {"python3": tools.program("python3", None)}
    return Task(0, action, key, tuple(inputs[path] for path in sorted(inputs)), programs, {})


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., TaskOutcome]:
    """Run a task with a new store, or with one that is there."""

    def run(task: Task, copies: bool, cache: str = "") -> TaskOutcome:
        store = DiskStore(str(tmp_path / (cache or f"cache-{copies}")))
        scratch = tmp_path / f"scratch-{copies}"
        scratch.mkdir(exist_ok=True)
        kind = ActionRunner if copies else GatheringRunner
        runner = kind(store, str(scratch), "none", False, threading.Event())
        try:
            outcome = runner.attempt(task)
            if outcome.result is not None:
                store.publish([outcome.batch])
            return outcome
        finally:
            runner.close()

    return run


def test_the_content_of_the_tool_is_the_known_one() -> None:
    """A change of the tool needs a look at the module that does its work."""
    assert hash_file(SHIPPED).hash == TOOL_SHA256


def test_the_result_is_that_of_the_tool(
    root: Path, tmp_path: Path, run: Callable[..., TaskOutcome]
) -> None:
    """Outputs, log, parts of the record and all blobs."""
    task = task_of(root)
    assert is_gathering(task)
    ran, gathered = run(task, True), run(task, False)
    assert ran.result is not None and gathered.result is not None, ran.why
    assert replace(gathered.result, milliseconds=0) == replace(ran.result, milliseconds=0)
    assert isinstance(gathered.result.outputs[0][1], Tree)
    stores = [DiskStore(str(tmp_path / f"cache-{copies}")) for copies in (True, False)]
    assert stores[0].parts(task.key.digest) == stores[1].parts(task.key.digest)
    assert all(store.recall(task.key.digest) for store in stores)
    blobs = [sorted(os.listdir(tmp_path / f"cache-{n}/blobs/sha256")) for n in (True, False)]
    assert blobs[0] == blobs[1]


def test_known_files_are_not_read(root: Path, run: Callable[..., TaskOutcome]) -> None:
    """Only the file that the store lacks is added, and the folders on the way to it."""
    (root / "link").unlink()
    assert run(task_of(root), False).result
    (root / "a.txt").write_bytes(b"new")
    task = task_of(root)
    with pytest.MonkeyPatch.context() as patch:
        read: list[str] = []
        add_file = DiskBatch.add_file

        def noted(batch: DiskBatch, path: str) -> Digest:
            read.append(os.path.basename(path))
            return add_file(batch, path)

        patch.setattr(DiskBatch, "add_file", noted)
        outcome = run(task, False)
    assert outcome.result is not None and read == ["a.txt"]
    # The store has the inner folders, too; an empty log is always added.
    assert isinstance(outcome.batch, DiskBatch)
    top = outcome.result.outputs[0][1].digest
    assert {*outcome.batch.blobs} == {Digest.of(b"new"), Digest.of(b""), top}


def test_a_file_that_changed_is_no_content_of_the_key(
    root: Path, run: Callable[..., TaskOutcome]
) -> None:
    task = task_of(root)
    (root / "a.txt").write_bytes(b"later")
    with pytest.raises(SourceChanged, match=r"a\.txt"):
        run(task, False)
    (root / "a.txt").unlink()
    with pytest.raises(SourceChanged, match=r"a\.txt"):
        run(task, False)


def test_a_cancelled_task_leaves_nothing(root: Path, tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    store = DiskStore(str(tmp_path / "cache"))
    with pytest.raises(Cancelled):
        GatheringRunner(store, str(tmp_path), "none", False, cancel).attempt(task_of(root))
    assert os.listdir(tmp_path / "cache/blobs/sha256") == []


OTHER = File(Digest.of(b"other"))
ACTIONS = {
    "argument": replace(ACTION, argv=(*ARGV, "more")),
    "output": replace(ACTION, argv=(*ARGV[:6], "out/other")),
    "file": replace(ACTION, outputs=(Out("tree"),)),
    "outputs": replace(ACTION, outputs=(Out("tree", tree=True), Out("log"))),
    "flags": replace(ACTION, argv=("python3", "-I", *ARGV[2:])),
    "env": replace(ACTION, env=(("PYTHONPATH", "files"),)),
    "network": replace(ACTION, network=True),
    "distributions": replace(ACTION, distributions=("numpy",)),
    "folder": replace(ACTION, argv=(*ARGV[:5], "files/deep", "out/tree")),
    "other folder": replace(ACTION, argv=(*ARGV[:5], "deep", "out/tree")),
}
INPUTS: dict[str, tuple[str, Artifact, Node, str]] = {
    "tool": ("tools/copy_tree.py", TOOL, OTHER, SHIPPED),
    "source as the tool": (
        "tools/copy_tree.py",
        Source("a"),
        File(Digest(TOOL_SHA256, 1)),
        "",
    ),
    "another tool": ("tools/copy_tree.py", Shipped("tools/x.py"), File(Digest(TOOL_SHA256, 1)), ""),
    "module": ("tools/shutil.py", TOOL, OTHER, SHIPPED),
    "content": ("files/content", Content("content", b"other"), OTHER, ""),
    "elsewhere": ("more/a.txt", Source("a.txt"), OTHER, ""),
    "tree": ("files/tree", Source("tree"), Tree(OTHER.digest), ""),
    "name": ("files/a\x1b", Source("a\x1b"), OTHER, ""),
    "depth": ("files/" + "d/" * 70 + "f", Source("f"), OTHER, ""),
    "length": ("files/" + ("d" * 200 + "/") * 20 + "f", Source("f"), OTHER, ""),
}


@pytest.mark.parametrize("kind", [*ACTIONS, *INPUTS])
def test_every_other_action_is_run(root: Path, kind: str) -> None:
    more = (INPUTS[kind],) if kind in INPUTS else ()
    assert not is_gathering(task_of(root, ACTIONS.get(kind, ACTION), *more))
