"""Two threads for what needs no lock of the interpreter, such as to hash and to write large files."""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

from . import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


class TwoThreads:
    """Some work on each of several things, by this thread and another one; by this one alone where there is no other."""

    def __init__(self, work: Callable[[Any], None], on: Iterable[Any]) -> None:
        self._work, self._rest, self._over = work, iter(on), allocate_lock()
        self._faults: list[BaseException] = []

    def run(self) -> None:
        """To the end; the first fault is raised, and ends both."""
        self._over.acquire()
        try:
            start_new_thread(self._help, ())
        except RuntimeError:  # there is none to be had
            self._over.release()
        self._take()
        try:
            self._over.acquire()
        except BaseException as fault:  # a wish to stop: who helps ends with what is at hand
            self._faults.append(fault)
            self._over.acquire()
        if self._faults:
            raise self._faults[0]

    def _help(self) -> None:
        self._take()
        self._over.release()

    def _take(self) -> None:
        try:
            for one in self._rest:
                if self._faults:
                    return
                self._work(one)
        except BaseException as fault:
            self._faults.append(fault)
