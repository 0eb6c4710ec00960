"""A signal that arrives just before a long wait is handled during the wait, not after it.

The interpreter checks for signals between two instructions: a signal that arrives between the check
and the wait does not end the wait. Here another thread receives the signal, so it never ends a wait
of the main thread.
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
from buildgraph.docker.attached_stream import AttachedStream

WAIT_S = 20.0


class Handled(Exception):
    """Raised by the signal handler."""


@pytest.fixture
def trigger() -> Iterator[threading.Event]:
    """An event; 0.2 s after it is set a signal arrives that does not end waits of the main thread."""

    def handle(*_: object) -> None:
        raise Handled

    def send() -> None:
        if begin.wait(WAIT_S):
            time.sleep(0.2)
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    begin, before = threading.Event(), signal.signal(signal.SIGUSR1, handle)
    thread, began = threading.Thread(target=send), time.monotonic()
    thread.start()
    yield begin
    thread.join()
    assert time.monotonic() - began < WAIT_S, "it was handled after the wait"
    signal.signal(signal.SIGUSR1, before)


def test_while_a_container_writes_nothing(trigger: threading.Event) -> None:
    ours, theirs = socket.socketpair()
    ending = threading.Timer(WAIT_S, theirs.close)  # or the test would hang
    ending.start()
    trigger.set()
    with ours, theirs, pytest.raises(Handled):
        list(AttachedStream(ours).frames())
    ending.cancel()
    ending.join()


def test_while_an_action_runs_again(trigger: threading.Event) -> None:
    ending, tasks = threading.Event(), list[Any]((1,))
    with ThreadPoolExecutor(1) as pool:
        trigger.set()
        with pytest.raises(Handled):
            try:
                list(in_order(pool, lambda _task: ending.wait(WAIT_S), tasks))
            finally:
                ending.set()


def test_results_come_in_order_until_the_first_exception() -> None:
    tasks, finished = list[Any](range(4)), list[Any]()

    def work(task: Any) -> Any:
        time.sleep(0.05 * (4 - task))
        finished.append(task)
        return 1 // (2 - task)

    with ThreadPoolExecutor(1) as pool:
        results = in_order(pool, work, tasks)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(results)
    assert finished in ([0, 1, 2], [0, 1, 2, 3])
