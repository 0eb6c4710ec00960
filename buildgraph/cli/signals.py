"""Ctrl-C and its like: the first signal asks a running build to wind down, a second one ends it at once."""

from __future__ import annotations

import sys

from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import defer_signals
from ..lite.signals import signal

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SOON_S = 0.002


class Interrupted(KeyboardInterrupt):
    """A signal ended the work; `code` is the exit code that says which (130, 143, 129)."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


class Flag:
    """What `threading.Event` is to those who only set it and look."""

    def __init__(self) -> None:
        self._up = False

    def is_set(self) -> bool:
        """Whether it is up."""
        return self._up

    def set(self) -> None:
        """Put it up."""
        self._up = True


class SignalHandler:
    """While entered, signals set `cancel` when `armed` (something runs and must be stopped) and raise otherwise.

    One that came while armed is raised at the end at the latest: it may have been too late for what ran to see it.
    """

    def __init__(self) -> None:
        self.cancel = Flag()
        self.armed = self._lost = False
        self._number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> SignalHandler:
        self._hook = sys.unraisablehook
        try:
            self._before = {number: signal.signal(number, self._signal) for number in SIGNALS}
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._again)
            sys.unraisablehook = self._unheard
        except ValueError:
            pass  # signals are for the main thread
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lost:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        sys.unraisablehook = self._hook
        if kind is None and (self.armed or self._lost) and self._number:
            raise Interrupted(self._number)

    def _signal(self, number: int, frame: FrameType | None) -> None:
        first, self._number = not self._number, number
        if first and self.armed:
            self.cancel.set()
        elif defer_signals.depth:
            defer_signals.pending.append(self._raise)
        else:
            self._raise()

    def _unheard(self, found: Any) -> None:
        """What is raised while a thing is finalized, or a module's lock let go, is printed and lost: raise it again after."""
        if isinstance(found.exc_value, Interrupted):
            self._lost = True
            signal.setitimer(signal.ITIMER_REAL, _SOON_S)
        else:
            self._hook(found)

    def _again(self, number: int, frame: FrameType | None) -> None:
        self._signal(self._number, frame)

    def _raise(self) -> None:
        raise Interrupted(self._number)
