"""Threads that run tasks: whatever the order in which they are seen to end, none outlives what it writes to."""
from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from buildgraph.crew import Crew


class Quick:
    """A worker whose tasks are for threads and end at once."""

    level = "namespaces"

    def light(self, _task: object) -> bool:
        """Nothing is for a launcher."""
        return False

    def attempt(self, task: Any) -> Any:
        """What came of a task: the task itself."""
        return task


def test_a_thread_that_is_late_to_wake_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread's wake makes the crew take what another told, which then still wakes: not through a pipe that is closed."""
    late, faults, write = threading.Event(), list[object](), os.write

    def slow(fd: int, data: bytes) -> int:
        if threading.current_thread() is not threading.main_thread() and not late.is_set():
            late.set()   # the first to tell is the last to wake
            time.sleep(0.3)
        return write(fd, data)

    monkeypatch.setattr(os, "write", slow)
    monkeypatch.setattr(threading, "excepthook", faults.append)
    tasks: list[Any] = [SimpleNamespace(inputs=(), name=name) for name in "ab"]
    worker: Any = Quick()
    with closing(Crew(worker, 2, threading.Event())) as crew:
        crew.start(tasks[0])
        assert late.wait(5)
        crew.start(tasks[1])
        ended: list[Any] = []
        while len(ended) < 2:
            ended += crew.wait()
    alive = [thread for thread in threading.enumerate() if thread.name == "action"]
    for thread in alive:
        thread.join()
    assert (alive, faults) == ([], [])
    assert [task.name for task, _ in ended] == ["a", "b"]
