"""Folders and servers that the threads of a runner share."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildgraph.execution.action_runner import ActionRunner, StagedTask, TaskOutcome
from buildgraph.sandbox import sandbox
from buildgraph.sandbox.forkserver import client
from buildgraph.sandbox.job import Outcome


class Bare(ActionRunner):
    """A worker that stages and collects nothing."""

    def __init__(self, folder: Path) -> None:
        store: Any = SimpleNamespace(batch=lambda: None, drop=lambda _batch: None)
        super().__init__(store, str(folder), "none", False, threading.Event())

    def _prepare(self, *_: object) -> Any:
        return None

    def _collect(self, begun: StagedTask, outcome: Outcome) -> TaskOutcome:
        return TaskOutcome(begun.task, None, begun.batch, str(outcome.code))


TASK: Any = None


def test_a_folder_that_another_thread_takes_is_made_anew(tmp_path: Path) -> None:
    class Taken(list[Any]):
        """Free folders, the last of which goes to another thread between the look and the grasp."""

        def __bool__(self) -> bool:
            return True

        def pop(self, *_: object) -> Any:
            raise IndexError

    worker = Bare(tmp_path)
    worker._free = Taken()
    assert Path(worker.begin(TASK).work_dir.root).is_dir()


def test_workers_of_one_scratch_folder_have_folders_of_their_own(tmp_path: Path) -> None:
    """Runners of an audit run side by side, and some builds keep their folders."""
    assert len({Bare(tmp_path).begin(TASK).work_dir.root for _ in range(3)}) == 3


@pytest.mark.parametrize(("code", "free"), [(0, 1), (1, 1), (137, 0)])
def test_the_folder_of_what_was_killed_is_not_used_again(
    tmp_path: Path, code: int, free: int
) -> None:
    """Its supervisor may have been killed as well, so a process of it may still write there."""
    worker = Bare(tmp_path)
    worker.finish(worker.begin(TASK), Outcome(code, "exit", b"", "none", 0, 0, 0))
    assert len(worker._free) == free


def test_threads_share_the_fork_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of a second set would never be ended, and each set would serve half of the jobs."""
    created: list[object] = []

    class Slow(client.ForkServers):
        """They take their time to be created."""

        def __init__(self, scratch: str) -> None:
            time.sleep(0.2)
            super().__init__(scratch)
            created.append(self)

    monkeypatch.setattr(client, "ForkServers", Slow)
    used: list[object] = []
    monkeypatch.setattr(sandbox, "run", lambda _job, _level, _cancel, servers: used.append(servers))
    worker = Bare(tmp_path)
    threads = [threading.Thread(target=worker.run, args=(None,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(created) == 1 and used == created * 3
