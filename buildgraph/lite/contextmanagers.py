"""Managers for the modules that every build imports: two are contextlib's, which itself brings in what is dear."""

from __future__ import annotations

from . import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import closing, suppress

    __all__ = [
        "Cancelled",
        "cancellable",
        "check_cancelled",
        "closing",
        "defer_signals",
        "suppress",
    ]
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


class Cancelled(Exception):
    """The user wants the build to end: what was being read or copied is given up."""


class cancellable:
    """While entered, long work of any thread ends with Stopped once `wished` says so."""

    wished: Callable[[], bool] | None = None

    def __init__(self, wished: Callable[[], bool]) -> None:
        self._wished, self._before = wished, cancellable.wished

    def __enter__(self) -> None:
        cancellable.wished = self._wished

    def __exit__(self, *_: object) -> None:
        cancellable.wished = self._before


def check_cancelled() -> None:
    """Between two pieces of long work: Stopped when it should end here."""
    if cancellable.wished is not None and cancellable.wished():
        raise Cancelled


class defer_signals:
    """A moment of the main thread in which handlers of signals raise nothing; what they would raise comes at its end."""

    depth = 0
    late: list[Callable[[], object]] = []

    def __enter__(self) -> None:
        defer_signals.depth += 1

    def __exit__(self, *_: object) -> None:
        defer_signals.depth -= 1
        while not defer_signals.depth and defer_signals.late:
            defer_signals.late.pop()()
