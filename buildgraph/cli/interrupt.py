"""Ctrl-C and its like: the first signal asks a running build to wind down, a second one ends it at once."""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType, TracebackType
    from typing import Any
else:
    import _signal as signal   # `signal` would bring in `enum`

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


class Interrupt:
    """While entered, signals set `cancel` when `armed` (something runs and must be stopped) and raise otherwise.

    One that came while armed is raised at the end at the latest: it may have been too late for what ran to see it.
    """

    def __init__(self) -> None:
        self.cancel = Flag()
        self.armed = False
        self._number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        try:
            self._before = {number: signal.signal(number, self._signal) for number in SIGNALS}
        except ValueError:
            pass   # signals are for the main thread
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None and self.armed and self._number:
            raise Interrupted(self._number)

    def _signal(self, number: int, frame: FrameType | None) -> None:
        first, self._number = not self._number, number
        if not (first and self.armed):
            raise Interrupted(number)
        self.cancel.set()
