"""Tasks that run side by side, whatever the order of their ends and whatever is killed or
interrupted.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildgraph.execution.executor import Attempt, Executor
from buildgraph.execution.worker_pool import WorkerPool
from buildgraph.keys.action_graph import ActionGraph
from buildgraph.sandbox.job import Job
from buildgraph.sandbox.launcher import Launcher
from buildgraph.types.request import Request


class Quick:
    """A worker whose tasks are for threads and end at once."""

    level = "namespaces"

    def can_use_launcher(self, _task: object) -> bool:
        """Nothing is for a launcher."""
        return False

    def attempt(self, task: Any) -> Any:
        """The outcome of a task: the task itself."""
        return task


class Held(Quick):
    """A worker whose tasks end when they may."""

    def __init__(self) -> None:
        self.begun, self.may = threading.Event(), threading.Event()

    def attempt(self, task: Any) -> Any:
        """Wait for leave."""
        self.begun.set()
        self.may.wait(60)
        return task


class Light:
    """A worker whose tasks, scripts of a shell, are for launchers."""

    level = "none"

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def can_use_launcher(self, _task: object) -> bool:
        """Everything is for a launcher."""
        return True

    def begin(self, task: Any) -> Any:
        """A task as it is run."""
        job = Job(
            ("/bin/sh", "-c", task.name), (), self._folder, self._folder, self._folder, (), 60
        )
        return SimpleNamespace(task=task, job=job)

    def finish(self, _begun: Any, outcome: Any) -> Any:
        """The outcome of a task: the way it ended."""
        return outcome


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Exceptions that threads would print. All threads must have ended at the end of a test."""
    printed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", printed.append)
    yield printed
    for thread in alive():
        thread.join(60)
    assert not alive()


def alive() -> list[threading.Thread]:
    """Threads that run tasks."""
    return [thread for thread in threading.enumerate() if thread.name == "action"]


def pool_of(worker: Any, jobs: int = 2, cancel: threading.Event | None = None) -> WorkerPool:
    """A pool with a substitute of the action runner."""
    return WorkerPool(worker, jobs, cancel or threading.Event())


def task(name: str) -> Any:
    """A task without inputs."""
    return SimpleNamespace(inputs=(), name=name)


def outcomes(of: WorkerPool, count: int = 1) -> list[Any]:
    """The outcomes of so many tasks."""
    ended: list[Any] = []
    while len(ended) < count:
        ended += of.wait()
    return [outcome for _, outcome in ended]


def test_a_thread_that_is_late_to_wake_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, faults: list[object]
) -> None:
    """The pool takes an outcome before its thread has written to the pipe, which must not be closed
    by then.
    """
    late, write = threading.Event(), os.write

    def slow(fd: int, data: bytes) -> int:
        if threading.current_thread() is not threading.main_thread() and not late.is_set():
            late.set()  # the first to report is the last to wake
            time.sleep(0.3)
        return write(fd, data)

    monkeypatch.setattr(os, "write", slow)
    tasks = [task(name) for name in "ab"]
    with closing(pool_of(Quick())) as of:
        of.start(tasks[0])
        assert late.wait(60)
        of.start(tasks[1])
        ended = outcomes(of, 2)
    assert (alive(), faults) == ([], [])
    assert [task.name for task in ended] == ["a", "b"]


@pytest.mark.parametrize("when", ["while it runs", "while it starts"])
def test_a_thread_that_outlives_its_crew_writes_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, faults: list[object], tmp_path: Path, when: str
) -> None:
    """A second Ctrl-C ends a build at once, in the middle of anything.

    Files that are opened then get free numbers.
    """
    worker, start = Held(), threading.Thread.start

    def struck(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    with closing(pool_of(worker)) as of:
        if when == "while it starts":
            monkeypatch.setattr(threading.Thread, "start", struck)
            with pytest.raises(KeyboardInterrupt):
                of.start(task("a"))
            monkeypatch.undo()
            monkeypatch.setattr(threading, "excepthook", faults.append)
        else:
            of.start(task("a"))
        assert worker.begun.wait(60)
    opened = [os.open(tmp_path / str(number), os.O_RDWR | os.O_CREAT) for number in range(4)]
    worker.may.set()
    for thread in alive():
        thread.join(60)
    sizes = [os.fstat(fd).st_size for fd in opened]
    for fd in opened:
        os.close(fd)
    assert (faults, sizes) == ([], [0] * 4)


def test_a_thread_that_cannot_start_leaves_no_task_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with closing(pool_of(Quick())) as of:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refused)
            with pytest.raises(RuntimeError):
                of.start(task("a"))
        assert of.wait() == []
        of.start(task("b"))
        assert [outcome.name for outcome in outcomes(of)] == ["b"]


def test_a_thread_without_memory_for_its_word_is_missed(faults: list[object]) -> None:
    """Its task fails with MemoryError, and nothing is printed."""
    with closing(pool_of(Quick())) as of:
        queue = of._done_in_threads

        def put(_outcome: object) -> None:
            raise MemoryError

        replacement: Any = SimpleNamespace(put=put, empty=queue.empty, get=queue.get)
        of._done_in_threads = replacement
        of.start(task("a"))
        assert [type(outcome) for outcome in outcomes(of)] == [MemoryError] and faults == []


def test_one_who_writes_all_the_time_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The end of another task and the cancellation are seen while there is more to read."""
    cancel, stopped, reads, stop = threading.Event(), threading.Event(), [0], Launcher.stop

    def output(_launcher: Launcher) -> bytes:
        reads[0] += not stopped.is_set()
        assert reads[0] < 5000, "it reads and reads"
        if reads[0] > 5:
            cancel.set()
        return b"" if stopped.is_set() else b"x"

    def stopping(launcher: Launcher) -> None:
        stopped.set()
        stop(launcher)

    monkeypatch.setattr(Launcher, "read_output", output)
    monkeypatch.setattr(Launcher, "stop", stopping)
    with closing(pool_of(Light(tmp_path), 1, cancel)) as of:
        of.start(task("while :; do echo x; sleep 0.01; done"))
        assert [outcome.ended for outcome in outcomes(of)] == ["interrupted"]


def pid_of(launcher: Launcher) -> int:
    """The process of a launcher."""
    return launcher._pid


@pytest.mark.parametrize("when", ["idle", "busy"])
def test_a_launcher_that_is_killed_is_done_without(tmp_path: Path, when: str) -> None:
    """Its task fails; the next tasks run in another launcher."""
    with closing(pool_of(Light(tmp_path), 1)) as of:
        of.start(task("true" if when == "idle" else "touch begun; exec sleep 3"))
        while when == "busy" and not (tmp_path / "begun").exists():
            time.sleep(0.01)
        if when == "idle":
            assert [outcome.code for outcome in outcomes(of)] == [0]
        (hand,) = of._slots
        os.kill(pid_of(hand.launcher), signal.SIGKILL)
        os.waitid(os.P_PID, pid_of(hand.launcher), os.WEXITED | os.WNOWAIT)
        if when == "busy":
            assert [(outcome.ended, outcome.code) for outcome in outcomes(of)] == [("signal", 137)]
        codes = []
        for number in range(3):
            of.start(task(f"exit {number}"))
            codes += [outcome.code for outcome in outcomes(of)]
        assert codes[1:] == [1, 2] and codes[0] in (
            0,
            137,
        )  # the first may have been given to it before its end was seen
        assert len(of._busy) == 2


def test_what_runs_when_a_crew_is_closed_is_ended(tmp_path: Path) -> None:
    """A second Ctrl-C does not wait for the commands, and leaves none behind."""
    of = pool_of(Light(tmp_path), 1)
    of.start(task("echo $$ > pid; exec sleep 100"))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    began = time.monotonic()
    of.close()
    assert time.monotonic() - began < 50
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}")


def test_a_wish_to_stop_outlives_an_attempt_that_is_given_up(tmp_path: Path) -> None:
    """A build that must start over does not do so after Ctrl-C while it waits for its actions."""
    cancel = threading.Event()
    host: Any = SimpleNamespace()
    request = Request(("//...",))
    attempt = Attempt(str(tmp_path), request, lambda _event: None, cancel, host, "none")
    executor = Executor(attempt, ActionGraph((), (), {}, ()))

    def wait() -> list[Any]:
        cancel.set()
        return []

    executor._drop_running(SimpleNamespace(wait=wait))  # type: ignore[arg-type]
    assert cancel.is_set()
