"""The console on a real terminal: live lines while actions run, which are removed at the end."""

from __future__ import annotations

import os
import pty
import threading
from contextlib import closing

from buildgraph.types.events import Done, Event, Failed, Finished, Planned, Started
from buildgraph.ui.console import Console

_HIDE, _SHOW = b"\x1b[?25l", b"\x1b[?25h"


def _on_a_terminal(events: list[Event]) -> bytes:
    """The bytes that a terminal receives."""
    ours, theirs = pty.openpty()
    received = bytearray()

    def drain() -> None:
        try:
            while piece := os.read(ours, 4096):
                received.extend(piece)
        except OSError:
            return

    reader = threading.Thread(target=drain)
    reader.start()
    with open(theirs, "w", encoding="utf-8") as out, closing(Console(out)) as console:
        for event in events:
            console(event)
    reader.join()
    os.close(ours)
    return bytes(received)


def test_hits_alone_draw_nothing() -> None:
    hits: list[Event] = [Done(number, "//a:b", "t", "hit", "", 0) for number in range(100)]
    assert (
        _on_a_terminal(
            [Planned(("//a:b",), 100, 0, "none"), *hits, Finished(0, 0, 100, 0, 0, 0, 5)]
        )
        == b""
    )


def test_live_lines_are_removed_and_failures_stay() -> None:
    received = _on_a_terminal(
        [
            Planned(("//a:b",), 2, 0, "none"),
            Started(0, "//a:b", "compile"),
            Failed(0, "//a:b", "compile", "exit code 1", "boom\n", "again.sh"),
            Finished(1, 0, 0, 0, 1, 0, 5),
        ]
    )
    assert b"error: //a:b: compile: exit code 1" in received
    assert b"   | boom" in received
    assert received.count(_HIDE) == received.count(_SHOW) == 1


def test_closing_early_restores_the_terminal() -> None:
    received = _on_a_terminal([Planned(("//a:b",), 2, 0, "none"), Started(0, "//a:b", "compile")])
    assert received.count(_HIDE) == received.count(_SHOW) == 1
