"""A build as a Chrome trace, for Perfetto or chrome://tracing.

It has a row for each worker, one for hits and one for gates. The format is the JSON object form of
the Trace Event Format: `X` complete events, `i` instants, `C` counters, and `M` names of rows.
Times are in microseconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from ..files.user_file import write_user_file
from ..types.events import Event
from .event_log import Record
from .json_lines import encode

_BUILD, _HITS, _GATES, _WORKERS = 1, 2, 3, 10  # numbers of rows; workers are the last
_NOT_RUN = {"hit", "shared"}


def to_chrome_trace(records: Iterable[Record]) -> dict[str, Any]:
    """The trace of a build, from the records of its log."""
    rows = _Rows()
    for at, event in records:
        rows.add(at, event)
    return {"traceEvents": rows.all_events(), "displayTimeUnit": "ms"}


class Trace:
    """A listener that collects the events of a build, and writes its trace to a file when it is
    closed.
    """

    def __init__(self, path: str, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._path, self._clock, self._start_ns = path, clock, clock()
        self._records: list[Record] = []

    def __call__(self, event: Event) -> None:
        """Record an event and its time."""
        self._records.append(((self._clock() - self._start_ns) // 1000, encode(event)))

    def close(self) -> None:
        """Write the file, once and only if there were events.

        BuildError if it cannot be written.
        """
        records, self._records = self._records, []
        if records:
            write_trace(self._path, records)


def write_trace(path: str, records: Iterable[Record]) -> None:
    """Write the trace of a build to a file atomically. BuildError if it cannot be written.

    An existing pipe or device is written to, and not replaced.
    """
    write_user_file(path, "the trace", lambda file: _dump(records, file))


def _dump(records: Iterable[Record], file: TextIO) -> None:
    json.dump(to_chrome_trace(records), file)
    file.write("\n")


class _Rows:
    """The events of a trace.

    An action gets the first row of a worker that is free when it starts.
    """

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        # By the number of the action: its row, its start, and the event of its start.
        self._running: dict[int, tuple[int, int, dict[str, Any]]] = {}
        self._workers = 0
        self._phase = ("load and analyse", 0)
        self._last = 0

    def add(self, at: int, event: dict[str, Any]) -> None:
        """Add an event of the build that happened at a time."""
        self._last = max(self._last, at)
        match event["event"]:
            case "planned":
                self._next_phase("actions", at)
                self._drop_running(at)
            case "started":
                self._start(at, event)
            case "done" | "failed" | "skipped":
                self._end(at, event)
            case "judged":
                self._instant(_GATES, at, f"{event['gate']}: {event['verdict']}", event)
            case "built":
                self._next_phase("write outputs", at)
            case "warned":
                self._instant(_BUILD, at, event["text"], {})

    def _next_phase(self, name: str, at: int) -> None:
        previous, start = self._phase
        if previous != name:
            self._complete(_BUILD, (start, at), previous, {})
            self._phase = (name, at)

    def _start(self, at: int, event: dict[str, Any]) -> None:
        busy = {row for row, _, _ in self._running.values()}
        row = next(number for number in range(len(busy) + 1) if number not in busy)
        self._workers = max(self._workers, row + 1)
        self._running[event["number"]] = (row, at, event)
        self._count(at)

    def _end(self, at: int, event: dict[str, Any]) -> None:
        row, start, _ = self._running.pop(event["number"], (-1, at, event))
        if row >= 0:
            self._complete(_WORKERS + row, (start, at), event["title"], event)
            self._count(at)
        elif event.get("how") in _NOT_RUN:
            self._instant(_HITS, at, event["title"], event)

    def _drop_running(self, at: int) -> None:
        """End all running actions: a build that starts over reports them again."""
        for row, start, event in self._running.values():
            self._complete(_WORKERS + row, (start, at), event["title"], event | {"how": "dropped"})
        self._running.clear()

    def _complete(self, row: int, span: tuple[int, int], name: str, event: dict[str, Any]) -> None:
        self._events.append(
            {
                "ph": "X",
                "pid": 1,
                "tid": row,
                "ts": span[0],
                "dur": span[1] - span[0],
                "name": name,
                "cat": event.get("how", event.get("event", "build")),
                "args": _arguments(event),
            }
        )

    def _instant(self, row: int, at: int, name: str, event: dict[str, Any]) -> None:
        self._events.append(
            {
                "ph": "i",
                "s": "t",
                "pid": 1,
                "tid": row,
                "ts": at,
                "name": name,
                "cat": event.get("how", event.get("event", "build")),
                "args": _arguments(event),
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

    def all_events(self) -> list[dict[str, Any]]:
        """The names of the rows, and all events by time."""
        self._next_phase("", self._last)
        self._drop_running(self._last)
        names = {_BUILD: "build", _HITS: "hits", _GATES: "gates"}
        names |= {_WORKERS + row: f"worker {row + 1}" for row in range(self._workers)}
        titles = [_metadata(0, "process_name", {"name": "buildgraph"})]
        for row, name in names.items():
            titles.append(_metadata(row, "thread_name", {"name": name}))
            titles.append(_metadata(row, "thread_sort_index", {"sort_index": row}))
        return [*titles, *sorted(self._events, key=lambda event: (event["ts"], event["tid"]))]


def _metadata(row: int, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "M", "pid": 1, "tid": row, "name": name, "args": arguments}


def _arguments(event: dict[str, Any]) -> dict[str, Any]:
    """The details of an event that trace viewers show. Logs are omitted, because they are long."""
    return {
        name: value
        for name, value in event.items()
        if name not in ("event", "number", "title", "log") and value
    }
