"""Event logs, and the Chrome traces that are made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from buildgraph.lite.json_text import json_text
from buildgraph.types.errors import BuildError
from buildgraph.types.events import (
    Done,
    Event,
    Failed,
    Finished,
    Judged,
    Planned,
    Started,
)
from buildgraph.ui.chrome_trace import Trace, to_chrome_trace
from buildgraph.ui.event_log import KEPT, EventLog, log_path, read_log
from buildgraph.ui.json_lines import encode
from tests.golden.script import AFTER, BEFORE

_PHASES = {
    "X": {"ts", "dur", "tid", "name", "cat", "args"},
    "i": {"ts", "tid", "name", "s", "cat", "args"},
    "C": {"ts", "name", "args", "tid"},
    "M": {"name", "args", "tid"},
}
Shape = dict[str, Any]


def _clock(step: int = 1_000_000) -> Callable[[], int]:
    ticks: Iterator[int] = iter(range(0, 1 << 40, step))
    return lambda: next(ticks)


def _checked(trace: Shape) -> list[Shape]:
    """The events of a trace, whose form is checked against the Trace Event Format."""
    assert set(trace) == {"traceEvents", "displayTimeUnit"}
    assert json.loads(json.dumps(trace)) == trace
    for event in trace["traceEvents"]:
        assert set(event) == _PHASES[event["ph"]] | {"ph", "pid"}
        assert all(
            isinstance(event[name], int) and event[name] >= 0
            for name in ("ts", "dur", "tid")
            if name in event
        )
        assert event["ph"] != "i" or event["s"] in "gpt"
    spans: dict[int, list[Shape]] = {}
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            spans.setdefault(event["tid"], []).append(event)
    for row in spans.values():
        for event, following in pairwise(row):
            assert event["ts"] + event["dur"] <= following["ts"], "two events overlap in one row"
    return list(trace["traceEvents"])


def _traced(*events: Event) -> list[Shape]:
    return _checked(
        to_chrome_trace(
            [((number + 1) * 1000, encode(event)) for number, event in enumerate(events)]
        )
    )


def _rows(events: list[Shape]) -> dict[int, str]:
    return {
        event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"
    }


def test_an_action_gets_the_first_free_row_of_a_worker() -> None:
    events = _traced(
        Planned((), 4, 0, "none"),
        Started(0, "//a:b", "one"),
        Started(1, "//a:b", "two"),
        Done(0, "//a:b", "one", "ran", "k", 1),
        Started(2, "//a:b", "three"),
        Done(2, "//a:b", "three", "ran", "k", 1),
        Failed(1, "//a:b", "two", "exit code 1", "log", ""),
        Finished(1, 2, 0, 0, 1, 0, 9),
    )
    rows = _rows(events)
    assert sorted(rows.values()) == ["build", "gates", "hits", "worker 1", "worker 2"]
    ran = {
        event["name"]: (rows[event["tid"]], event["ts"], event["dur"])
        for event in events
        if event["ph"] == "X" and rows[event["tid"]].startswith("worker")
    }
    assert ran == {
        "one": ("worker 1", 2000, 2000),
        "two": ("worker 2", 3000, 4000),
        "three": ("worker 1", 5000, 1000),
    }
    assert [event["args"]["actions"] for event in events if event["ph"] == "C"] == [
        1,
        2,
        1,
        2,
        1,
        0,
    ]
    assert not any("log" in event["args"] for event in events)


def test_hits_and_gates_are_instants_in_rows_of_their_own() -> None:
    events = _traced(
        Planned((), 2, 1, "none"),
        Done(0, "//a:b", "one", "hit", "k", 0),
        Done(1, "//a:b", "two", "shared", "k", 0),
        Judged("//a:b", "size", "failed", "too big"),
        Finished(1, 0, 1, 1, 0, 0, 9),
    )
    rows = _rows(events)
    assert [
        (rows[event["tid"]], event["name"], event["cat"]) for event in events if event["ph"] == "i"
    ] == [("hits", "one", "hit"), ("hits", "two", "shared"), ("gates", "size: failed", "judged")]
    assert [event["name"] for event in events if event["ph"] == "X"] == [
        "load and analyse",
        "actions",
    ]


def test_a_build_that_starts_over_or_is_killed_has_no_open_row() -> None:
    events: list[Event] = [Planned((), 1, 0, "none"), Started(0, "//a:b", "one")]
    dropped = [
        event
        for event in _traced(*events, *events)
        if event["ph"] == "X" and event["name"] == "one"
    ]
    assert [event["cat"] for event in dropped] == ["dropped", "dropped"]


def test_the_golden_script_is_a_trace() -> None:
    assert len(_traced(*BEFORE, *AFTER)) > len(AFTER)


def test_the_listener_writes_when_it_is_closed(tmp_path: Path) -> None:
    trace = Trace(str(tmp_path / "t.json"), _clock())
    trace.close()
    assert not (tmp_path / "t.json").exists()
    for event in (*BEFORE, *AFTER):
        trace(event)
    trace.close()
    trace.close()
    _checked(json.loads((tmp_path / "t.json").read_text()))
    with pytest.raises(BuildError) as error:
        broken = Trace(str(tmp_path / "none/t.json"))
        broken(AFTER[-1])
        broken.close()
    assert error.value.reason == "environment"


def _logged(root: Path, *events: Event) -> None:
    log = EventLog(str(root), _clock())
    for event in events:
        log(event)
    log.close()
    log.close()


def test_the_log_has_the_events_with_their_times(tmp_path: Path) -> None:
    _logged(tmp_path, *BEFORE, *AFTER)
    records = read_log(str(tmp_path))
    assert [event for _, event in records] == [
        json.loads(json_text(encode(event), str)) for event in (*BEFORE, *AFTER)
    ]
    assert [at for at, _ in records] == [1000 * (number + 1) for number in range(len(records))]


def test_the_last_builds_are_kept(tmp_path: Path) -> None:
    for code in range(KEPT + 3):
        _logged(tmp_path, Finished(code, 0, 0, 0, 0, 0, 0))
    assert [read_log(str(tmp_path), number)[0][1]["code"] for number in range(KEPT)] == [
        7,
        6,
        5,
        4,
        3,
    ]
    assert len(list((tmp_path / ".buildgraph").iterdir())) == KEPT
    with pytest.raises(BuildError) as error:
        read_log(str(tmp_path), KEPT)
    assert error.value.reason == "usage"


def test_a_build_without_events_keeps_the_logs(tmp_path: Path) -> None:
    _logged(tmp_path, AFTER[-1])
    _logged(tmp_path)
    assert len(read_log(str(tmp_path))) == 1


def test_a_torn_log_is_read_up_to_the_torn_line(tmp_path: Path) -> None:
    _logged(tmp_path, *BEFORE)
    path = Path(log_path(str(tmp_path), 0))
    path.write_bytes(path.read_bytes()[:-20])
    records = read_log(str(tmp_path))
    assert len(records) == len(BEFORE) - 1
    _checked(to_chrome_trace(records))


def test_a_workspace_that_cannot_be_written_keeps_no_log(tmp_path: Path) -> None:
    (tmp_path / ".buildgraph").write_text("in the way")
    _logged(tmp_path, *BEFORE)
    with pytest.raises(BuildError):
        read_log(str(tmp_path))
