"""The event logs of the last builds: each event with its time, one JSON object a line.

.buildgraph/events.jsonl                           the last build
.buildgraph/events.1.jsonl ... events.4.jsonl      the four builds before it
"""

from __future__ import annotations

import os
import time

from ..files.regular_file import move_aside, open_own, open_regular
from ..lite import TYPE_CHECKING
from ..lite.json_text import json_text
from ..types.errors import BuildError
from ..types.events import Event, Failed, Finished
from .json_lines import encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO, TypeAlias

KEPT = 5
"""The number of logs that are kept."""
_FOLDER = ".buildgraph"
Record: TypeAlias = "tuple[int, dict[str, Any]]"
"""Microseconds since the start of the build, and the event as plain values."""


def log_path(root: str, number: int) -> str:
    """The path of the log of a build; number 0 is the last one."""
    return os.path.join(root, _FOLDER, f"events.{number}.jsonl" if number else "events.jsonl")


class EventLog:
    """A listener that writes the log of a build. A workspace that cannot be written has none.

    The older logs are renamed at the first event, so a build that fails before it changes nothing.
    """

    def __init__(self, root: str, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._root, self._clock, self._start_ns = root, clock, clock()
        self._file: TextIO | None = None
        self._is_started = False

    def __call__(self, event: Event) -> None:
        """Write an event. Failures are flushed at once, so they survive a crash."""
        if not self._is_started:
            self._open()
        if self._file is None:
            return
        try:
            at = (self._clock() - self._start_ns) // 1000
            self._file.write(f'{{"time_us":{at},{json_text(encode(event), str)[1:]}\n')
            if isinstance(event, (Failed, Finished)):
                self._file.flush()
        except OSError:
            self.close()

    def _open(self) -> None:
        self._is_started = True
        try:
            os.makedirs(os.path.join(self._root, _FOLDER), exist_ok=True)
            for number in range(KEPT - 1, 0, -1):
                _rotate(log_path(self._root, number - 1), log_path(self._root, number))
            self._file = open(
                open_own(log_path(self._root, 0), os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8"
            )
        except OSError:
            return

    def close(self) -> None:
        """Close the file; may be called twice."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                return


def _rotate(newer: str, older: str) -> None:
    """Rename the newer log to the older one. Anything else at the two paths is moved aside."""
    if os.path.lexists(newer) and not move_aside(newer):
        move_aside(older)
        os.replace(newer, older)


def read_log(root: str, number: int = 0) -> list[Record]:
    """The records of the log of a build; number 0 is the last one. BuildError if there is none.

    A line that was not written completely ends the log.
    """
    import json

    records: list[Record] = []
    try:
        with open(open_regular(log_path(root, number)), encoding="utf-8") as file:
            for line in file:
                event = json.loads(line)
                records.append((int(event.pop("time_us")), event))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass  # the build was killed while it wrote the line
    except OSError as error:
        which = "the last build" if not number else f"build {number} before the last"
        raise BuildError(
            f"there is no log of {which}: {error.strerror}",
            None,
            f"build something first; the last {KEPT} builds are kept",
            "usage",
        ) from None
    return records


def read_logs(root: str, most: int) -> list[list[Record]]:
    """The records of the last builds, the newest first, at most so many."""
    return [read_log(root, n) for n in range(most) if os.path.exists(log_path(root, n))]
