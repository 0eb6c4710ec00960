"""Managers for the modules that every build imports: two are contextlib's, which itself brings in what is dear."""
from __future__ import annotations
from . import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import closing, suppress

    __all__ = ["Stopped", "closing", "go_on", "stoppable", "suppress", "unbroken"]
else:
    class suppress:
        """Pass over these faults."""

        def __init__(self, *faults):
            self._faults = faults

        def __enter__(self):
            return None

        def __exit__(self, kind, fault, trace):
            return kind is not None and issubclass(kind, self._faults)

    class closing:
        """Close a thing at the end."""

        def __init__(self, thing):
            self._thing = thing

        def __enter__(self):
            return self._thing

        def __exit__(self, *_):
            self._thing.close()


class Stopped(Exception):
    """The user wants the build to end: what was being read or copied is given up."""


class stoppable:
    """While entered, long work of any thread ends with Stopped once `wished` says so."""

    wished: Callable[[], bool] | None = None

    def __init__(self, wished: Callable[[], bool]) -> None:
        self._wished, self._before = wished, stoppable.wished

    def __enter__(self) -> None:
        stoppable.wished = self._wished

    def __exit__(self, *_: object) -> None:
        stoppable.wished = self._before


def go_on() -> None:
    """Between two pieces of long work: Stopped when it should end here."""
    if stoppable.wished is not None and stoppable.wished():
        raise Stopped


class unbroken:
    """A moment of the main thread in which handlers of signals raise nothing; what they would raise comes at its end."""

    depth = 0
    late: list[Callable[[], object]] = []

    def __enter__(self) -> None:
        unbroken.depth += 1

    def __exit__(self, *_: object) -> None:
        unbroken.depth -= 1
        while not unbroken.depth and unbroken.late:
            unbroken.late.pop()()
