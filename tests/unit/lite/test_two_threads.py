"""Items are worked on by two threads, by one if no second can start, and errors stop both."""

from __future__ import annotations

import threading

import pytest

from buildgraph.lite import two_threads
from buildgraph.lite.two_threads import run_on_two_threads


def test_every_item_is_worked_on_once() -> None:
    seen: list[int] = []
    run_on_two_threads(seen.append, range(1000))
    assert sorted(seen) == list(range(1000))


def test_two_threads_work_at_the_same_time() -> None:
    """Each item waits for another one, so a single thread would never end."""
    barrier = threading.Barrier(2, timeout=60)
    identifiers = set[int]()

    def work(item: int) -> None:
        barrier.wait()
        identifiers.add(threading.get_ident())

    run_on_two_threads(work, range(4))
    assert len(identifiers) == 2


def test_one_thread_does_all_if_no_second_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(function: object, arguments: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(two_threads, "start_new_thread", refuse)
    identifiers = set[int]()
    run_on_two_threads(lambda item: identifiers.add(threading.get_ident()), range(9))
    assert identifiers == {threading.get_ident()}


def test_the_first_error_stops_both_threads() -> None:
    seen: list[int] = []

    def work(item: int) -> None:
        seen.append(item)
        if item == 10:
            raise ValueError("item 10")

    with pytest.raises(ValueError, match="item 10"):
        run_on_two_threads(work, iter(range(10**9)))
    assert len(seen) < 10**9
