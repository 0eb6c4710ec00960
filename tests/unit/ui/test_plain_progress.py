"""Progress as plain lines."""

from __future__ import annotations

import io

from buildgraph.types.events import Done, Event, Fault, Judged, Planned, Skipped, Warned
from buildgraph.ui.plain_progress import PlainProgress, format_gate

EVENTS: list[Event] = [
    Planned(("//:a",), 3, 1, "none"),
    Done(0, "//:a", "one", "hit", "k", 0),
    Done(1, "//:a", "two\x1b[31m", "ran", "k", 1500),
    Skipped(2, "//:a", "three", "two"),
    Judged("//:a", "size", "passed"),
    Judged("//:a", "bits", "failed", "differ"),
    Fault("//:a", "bad", None, "fix", "input", "error: bad\nhelp: fix\n"),
    Warned("old\x07"),
]


def output(quiet: bool) -> list[str]:
    """The lines of all events."""
    out = io.StringIO()
    progress = PlainProgress(out, quiet)
    for event in EVENTS:
        progress(event)
    progress.close()
    return out.getvalue().splitlines()


def test_actions_that_ran_gates_and_errors_have_lines() -> None:
    assert output(quiet=False) == [
        "[2/3] two (//:a) 1.5s",
        "gate passed: //:a: size",
        "gate failed: //:a: bits: differ",
        "error: bad",
        "help: fix",
        "warning: old",
    ]


def test_quiet_progress_has_errors_and_warnings_only() -> None:
    assert output(quiet=True) == [
        "gate failed: //:a: bits: differ",
        "error: bad",
        "help: fix",
        "warning: old",
    ]


def test_a_verdict_is_one_line() -> None:
    assert format_gate(Judged("//:a", "g", "not checked", "no qemu")) == (
        "gate not checked: //:a: g: no qemu"
    )
