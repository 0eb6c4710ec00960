"""Work on items in two threads: for calls that release the interpreter lock, such as hashing or
writing large files.

Replaces `concurrent.futures`, which imports `threading`, `queue` and `logging`; `threading` alone
takes 4 ms.
"""

from __future__ import annotations

from . import TYPE_CHECKING
from .threads import allocate_lock, start_new_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def run_on_two_threads(work: Callable[[Any], object], items: Iterable[Any]) -> None:
    """Call `work` for every item, in this thread and a second one; in this one alone if no thread
    can start.

    The first exception of either thread stops both after their current items, and is raised.
    """
    _Run(work, items).run()


class _Run:
    def __init__(self, work: Callable[[Any], object], items: Iterable[Any]) -> None:
        self._work, self._items, self._second_thread = work, iter(items), allocate_lock()
        self._errors: list[BaseException] = []

    def run(self) -> None:
        self._second_thread.acquire()
        try:
            start_new_thread(self._run_second, ())
        except RuntimeError:  # the limit of threads is reached
            self._second_thread.release()
        self._work_on_items()
        try:
            self._second_thread.acquire()
        except (
            BaseException
        ) as error:  # a signal handler raised: the second thread stops after its item
            self._errors.append(error)
            self._second_thread.acquire()
        if self._errors:
            raise self._errors[0]

    def _run_second(self) -> None:
        self._work_on_items()
        self._second_thread.release()

    def _work_on_items(self) -> None:
        try:
            for item in self._items:
                if self._errors:
                    return
                self._work(item)
        except BaseException as error:
            self._errors.append(error)
