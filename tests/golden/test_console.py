"""The output of each listener for one script of events equals the committed text.

After an intended change, run `python -m tests.run generate` and read the difference.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console as Rich

from buildgraph.types.events import Event, Finished
from buildgraph.ui.console import Console
from buildgraph.ui.json_lines import JsonLines
from buildgraph.ui.plain_progress import PlainProgress
from buildgraph.ui.summary import Summary

from .script import AFTER, BEFORE

_HERE = Path(__file__).parent


def _compare(name: str, text: str) -> None:
    path = _HERE / name
    if os.environ.get("BUILDGRAPH_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def _output(make: Callable[[io.StringIO], Any], events: list[Event]) -> str:
    out = io.StringIO()
    listener = make(out)
    for event in events:
        listener(event)
    listener.close()
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("console_lines.txt", PlainProgress),
        ("console_lines_quiet.txt", lambda out: PlainProgress(out, quiet=True)),
        ("console_summary.txt", Summary),
        ("console_summary_quiet.txt", lambda out: Summary(out, show=frozenset({"outputs"}))),
        ("console_summary_colour.txt", lambda out: Summary(out, colour=True)),
        ("console_events.json", JsonLines),
        ("console_lasting.txt", Console),
    ],
)
def test_the_output_of_a_listener(name: str, make: Callable[[io.StringIO], Any]) -> None:
    _compare(name, _output(make, BEFORE + AFTER))


def test_the_live_screen() -> None:
    now = [100.0]
    console = Console(io.StringIO(), clock=lambda: now[0])
    for event in BEFORE:
        console(event)
        now[0] += 0.75
    screen = Rich(
        file=io.StringIO(), width=80, color_system=None, force_terminal=True, legacy_windows=False
    )
    with screen.capture() as capture:
        screen.print(console.screen())
    console.close()
    lines = [line.rstrip() for line in capture.get().splitlines()]
    _compare("console_screen.txt", "\n".join(lines) + "\n")


def test_every_line_of_json_is_an_object_named_by_its_event() -> None:
    lines = _output(JsonLines, BEFORE + AFTER).splitlines()
    assert [json.loads(line)["event"] for line in lines] == [
        type(event).__name__.lower() for event in BEFORE + AFTER
    ]


def test_a_build_that_starts_over_counts_again() -> None:
    again = BEFORE + AFTER[:-1] + BEFORE + AFTER
    assert _output(Summary, again) == _output(Summary, BEFORE + AFTER)
    assert _output(PlainProgress, again).endswith(_output(PlainProgress, BEFORE + AFTER))


def test_an_unchanged_build_prints_one_line() -> None:
    end = Finished(0, 0, 40, 0, 0, 0, 41, unchanged=True)
    assert _output(Summary, [end]) == "nothing changed: 40 actions up to date in 0.04s\n"
