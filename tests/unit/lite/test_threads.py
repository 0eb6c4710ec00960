"""Locks and threads work with and without `_thread`."""

from __future__ import annotations

import pytest

from buildgraph.lite import threads
from tests.support.missing_modules import load_without


@pytest.mark.parametrize("module", [threads, load_without(threads, "_thread")])
def test_a_thread_runs_and_releases_a_lock(module: object) -> None:
    allocate, start = getattr(module, "allocate_lock"), getattr(module, "start_new_thread")
    lock, values = allocate(), []

    def work(value: int) -> None:
        values.append(value)
        lock.release()

    lock.acquire()
    start(work, (7,))
    assert lock.acquire(timeout=60) and values == [7]
