"""Handle SIGINT, SIGTERM and SIGHUP: the first cancels a build, the second ends it at once."""

from __future__ import annotations

import sys

from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import defer_signals
from ..lite.signals import signal

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RERAISE_S = 0.002


class Interrupted(KeyboardInterrupt):
    """A signal ended the work. `code` is its exit code: 130, 143 or 129."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


class Flag:
    """A flag to set and to read, as `threading.Event` without waiting."""

    def __init__(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        """Return True once it is set."""
        return self._set

    def set(self) -> None:
        """Set it."""
        self._set = True


class SignalHandler:
    """Context in which a signal sets `cancel` if `armed`, and raises Interrupted otherwise.

    It is armed while actions may run. A signal that arrives while armed is raised at the end of the
    context at the latest, because the build may have ended before it read `cancel`.
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
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._raise_again)
            sys.unraisablehook = self._rearm_lost_signal
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

    def _rearm_lost_signal(self, unraisable: Any) -> None:
        """Raise the signal again in 2 ms: exceptions in finalizers and import locks are lost."""
        if isinstance(unraisable.exc_value, Interrupted):
            self._lost = True
            signal.setitimer(signal.ITIMER_REAL, _RERAISE_S)
        else:
            self._hook(unraisable)

    def _raise_again(self, number: int, frame: FrameType | None) -> None:
        self._signal(self._number, frame)

    def _raise(self) -> None:
        raise Interrupted(self._number)
