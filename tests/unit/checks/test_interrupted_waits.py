"""A signal that comes just before a long wait is heard in it, not after it.

The interpreter looks for signals between two instructions: one that comes between the look and the wait does not end the
wait. Here another thread takes the signal, so that no wait of the main thread is ever ended by it.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from buildgraph.checks.reproducibility import in_order
from buildgraph.docker import client

WAIT_S = 20.0


class Heard(Exception):
    """The handler ran."""


@pytest.fixture
def struck() -> Iterator[threading.Event]:
    """Set it, and soon there is a signal, which the main thread's waits do not notice."""

    def hear(*_: object) -> None:
        raise Heard

    def strike() -> None:
        if begin.wait(WAIT_S):
            time.sleep(0.2)
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    begin, before = threading.Event(), signal.signal(signal.SIGUSR1, hear)
    thread, began = threading.Thread(target=strike), time.monotonic()
    thread.start()
    yield begin
    thread.join()
    assert time.monotonic() - began < WAIT_S, "it was heard after the wait"
    signal.signal(signal.SIGUSR1, before)


def test_while_a_container_says_nothing(struck: threading.Event) -> None:
    ours, theirs = socket.socketpair()
    ending = threading.Timer(WAIT_S, theirs.close)  # or it would wait for ever
    ending.start()
    struck.set()
    with ours, theirs, pytest.raises(Heard):
        list(client._frames(ours))
    ending.cancel()
    ending.join()


def test_while_an_action_is_made_again(struck: threading.Event) -> None:
    ending, tasks = threading.Event(), list[Any]((1,))
    with ThreadPoolExecutor(1) as pool:
        struck.set()
        with pytest.raises(Heard):
            try:
                list(in_order(pool, lambda _task: ending.wait(WAIT_S), tasks))
            finally:
                ending.set()


def test_what_is_made_again_comes_in_order_and_ends_with_the_first_fault() -> None:
    tasks, made = list[Any](range(4)), list[Any]()

    def work(task: Any) -> Any:
        time.sleep(0.05 * (4 - task))
        made.append(task)
        return 1 // (2 - task)

    with ThreadPoolExecutor(1) as pool:
        found = in_order(pool, work, tasks)
        assert [next(found), next(found)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(found)
    assert made in ([0, 1, 2], [0, 1, 2, 3])
