"""A build as a Chrome trace, for Perfetto or chrome://tracing: a row for each worker, one for hits, one for gates.

The format is the JSON object form of the Trace Event Format: `X` complete events, `i` instants, `C` counters, `M` names
of rows; times in microseconds.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TextIO

from ..types.errors import BuildError
from ..types.events import Event
from .event_log import Record
from .json_lines import encode

_BUILD, _HITS, _GATES, _WORKERS = 1, 2, 3, 10  # numbers of rows; workers follow the last
_HOW = {"hit", "shared"}


def to_chrome_trace(records: Iterable[Record]) -> dict[str, Any]:
    """The trace of a build from the records of its log."""
    rows = _Rows()
    for at, event in records:
        rows.take(at, event)
    return {"traceEvents": rows.finished(), "displayTimeUnit": "ms"}


class Trace:
    """A listener that gathers the events of a build and writes its trace to a file when it is closed."""

    def __init__(self, path: str, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._path, self._clock, self._began = path, clock, clock()
        self._records: list[Record] = []

    def __call__(self, event: Event) -> None:
        """Note an event and its time."""
        self._records.append(((self._clock() - self._began) // 1000, encode(event)))

    def close(self) -> None:
        """Write the file, once, when anything happened; BuildError when it cannot be written."""
        records, self._records = self._records, []
        if records:
            write(self._path, records)


def write(path: str, records: Iterable[Record]) -> None:
    """Write the trace of a build to a file, whole or not at all; BuildError when it cannot be written.

    What is there and is no regular file, such as a pipe or a device, is written into and stays what it is.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "w", encoding="ascii") as file:
                _dump(records, file)
            return
        path = os.path.realpath(path)  # a link stays, and what it leads to is replaced
        fresh = f"{path}.{os.getpid()}"
        try:
            with open(
                os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666),
                "w",
                encoding="ascii",
            ) as file:
                _dump(records, file)
            os.replace(fresh, path)
        except BaseException as fault:
            if not isinstance(fault, FileExistsError):
                with suppress(OSError):
                    os.unlink(fresh)
            raise
    except OSError as fault:
        raise BuildError(
            f"the trace {path} cannot be written: {fault.strerror}",
            None,
            "name a file in a folder of yours",
            "environment",
        ) from None


def _dump(records: Iterable[Record], file: TextIO) -> None:
    json.dump(to_chrome_trace(records), file)
    file.write("\n")


class _Rows:
    """Events of a trace as they come in; a worker's row is the lowest that is free when its action starts."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._running: dict[
            int, tuple[int, int, dict[str, Any]]
        ] = {}  # number -> row, start, the event
        self._used = 0
        self._phase = ("load and analyse", 0)
        self._last = 0

    def take(self, at: int, event: dict[str, Any]) -> None:
        """Add one event of the build."""
        self._last = max(self._last, at)
        match event["event"]:
            case "planned":
                self._next_phase("actions", at)
                self._drop(at)
            case "started":
                self._start(at, event)
            case "done" | "failed" | "skipped":
                self._end(at, event)
            case "judged":
                self._instant(_GATES, at, f"{event['gate']}: {event['verdict']}", event)
            case "built":
                self._next_phase("show outputs", at)
            case "warned":
                self._instant(_BUILD, at, event["text"], {})

    def _next_phase(self, name: str, at: int) -> None:
        before, since = self._phase
        if before != name:
            self._whole(_BUILD, (since, at), before, {})
            self._phase = (name, at)

    def _start(self, at: int, event: dict[str, Any]) -> None:
        taken = {row for row, _, _ in self._running.values()}
        row = next(number for number in range(len(taken) + 1) if number not in taken)
        self._used = max(self._used, row + 1)
        self._running[event["number"]] = (row, at, event)
        self._count(at)

    def _end(self, at: int, event: dict[str, Any]) -> None:
        row, since, _ = self._running.pop(event["number"], (-1, at, event))
        if row >= 0:
            self._whole(_WORKERS + row, (since, at), event["title"], event)
            self._count(at)
        elif event.get("how") in _HOW:
            self._instant(_HITS, at, event["title"], event)

    def _drop(self, at: int) -> None:
        """A build that starts over forgets what was running."""
        for row, since, event in self._running.values():
            self._whole(_WORKERS + row, (since, at), event["title"], event | {"how": "dropped"})
        self._running.clear()

    def _whole(self, row: int, span: tuple[int, int], name: str, told: dict[str, Any]) -> None:
        self._events.append(
            {
                "ph": "X",
                "pid": 1,
                "tid": row,
                "ts": span[0],
                "dur": span[1] - span[0],
                "name": name,
                "cat": told.get("how", told.get("event", "build")),
                "args": _told(told),
            }
        )

    def _instant(self, row: int, at: int, name: str, told: dict[str, Any]) -> None:
        self._events.append(
            {
                "ph": "i",
                "s": "t",
                "pid": 1,
                "tid": row,
                "ts": at,
                "name": name,
                "cat": told.get("how", told.get("event", "build")),
                "args": _told(told),
            }
        )

    def _count(self, at: int) -> None:
        self._events.append(
            {
                "ph": "C",
                "pid": 1,
                "tid": _BUILD,
                "ts": at,
                "name": "running",
                "args": {"actions": len(self._running)},
            }
        )

    def finished(self) -> list[dict[str, Any]]:
        """All events in the order of time, after the names of the rows."""
        self._next_phase("", self._last)
        self._drop(self._last)
        names = {_BUILD: "build", _HITS: "hits", _GATES: "gates"}
        names |= {_WORKERS + row: f"worker {row + 1}" for row in range(self._used)}
        titles = [
            {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": "buildgraph"}}
        ]
        for row, name in names.items():
            titles.append(
                {"ph": "M", "pid": 1, "tid": row, "name": "thread_name", "args": {"name": name}}
            )
            titles.append(
                {
                    "ph": "M",
                    "pid": 1,
                    "tid": row,
                    "name": "thread_sort_index",
                    "args": {"sort_index": row},
                }
            )
        return [*titles, *sorted(self._events, key=lambda event: (event["ts"], event["tid"]))]


def _told(event: dict[str, Any]) -> dict[str, Any]:
    """What a reader of the trace sees when he clicks on an event; logs are left out."""
    return {
        name: value
        for name, value in event.items()
        if name not in ("event", "number", "title", "log") and value
    }
