"""The log of the last builds: every event with its time, one JSON object a line. The trace is a view of it.

.buildgraph/events.jsonl, events.1.jsonl, ... events.4.jsonl      the last build, the one before, ...
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
_FOLDER = ".buildgraph"
Record: TypeAlias = "tuple[int, dict[str, Any]]"  # microseconds since the build began, and the event as plain values


def log_path(root: str, number: int) -> str:
    """Where the log of a build stands; 0 is the last one."""
    return os.path.join(root, _FOLDER, f"events.{number}.jsonl" if number else "events.jsonl")


class EventLog:
    """A listener that writes the log of a build; a workspace that cannot be written keeps none.

    A build that has a fault before its first event leaves the logs as they are.
    """

    def __init__(self, root: str, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._root, self._clock, self._began = root, clock, clock()
        self._file: TextIO | None = None
        self._tried = False

    def __call__(self, event: Event) -> None:
        """Write an event; what matters after a crash is flushed at once."""
        if not self._tried:
            self._open()
        if self._file is None:
            return
        try:
            at = (self._clock() - self._began) // 1000
            self._file.write(f'{{"time_us":{at},{json_text(encode(event), str)[1:]}\n')
            if isinstance(event, (Failed, Finished)):
                self._file.flush()
        except OSError:
            self.close()

    def _open(self) -> None:
        self._tried = True
        try:
            os.makedirs(os.path.join(self._root, _FOLDER), exist_ok=True)
            for number in range(KEPT - 1, 0, -1):
                _pass_on(log_path(self._root, number - 1), log_path(self._root, number))
            self._file = open(
                open_own(log_path(self._root, 0), os.O_WRONLY | os.O_TRUNC), "w", encoding="ascii"
            )
        except OSError:
            return

    def close(self) -> None:
        """Finish the file; may be called twice."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                return


def _pass_on(newer: str, older: str) -> None:
    if os.path.lexists(newer) and not move_aside(newer):
        move_aside(older)
        os.replace(newer, older)


def read_log(root: str, number: int = 0) -> list[Record]:
    """The records of a build's log, 0 being the last; a torn line ends it. BuildError when there is none."""
    import json

    records: list[Record] = []
    try:
        with open(open_regular(log_path(root, number)), encoding="ascii") as file:
            for line in file:
                found = json.loads(line)
                records.append((int(found.pop("time_us")), found))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass  # the build was killed while it wrote
    except OSError as fault:
        which = "the last build" if not number else f"build {number} before the last"
        raise BuildError(
            f"there is no log of {which}: {fault.strerror}",
            None,
            f"build something first; the last {KEPT} builds are kept",
            "usage",
        ) from None
    return records
