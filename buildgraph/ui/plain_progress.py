"""Progress as plain lines, for logs and pipes: one for each action that ran, none for hits."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..types.events import Done, Event, Failed, Fault, Judged, Planned, Skipped, Warned
from .format import format_failure, format_seconds, strip_controls

if TYPE_CHECKING:
    from typing import TextIO


class PlainProgress:
    """A listener that writes a line for each event; if `quiet`, only for errors and warnings."""

    def __init__(self, out: TextIO, quiet: bool = False) -> None:
        self._out, self._quiet, self._total, self._finished = out, quiet, 0, 0

    def __call__(self, event: Event) -> None:
        """Write the lines of an event."""
        match event:
            case Planned(actions=actions):
                self._total, self._finished = actions, 0
            case Done() | Failed() | Skipped():
                self._finished += 1
        if lines := self._lines(event):
            self._out.writelines(f"{line}\n" for line in lines)
            self._out.flush()

    def _lines(self, event: Event) -> list[str]:
        match event:
            case Done(how="ran") if not self._quiet:
                count = f"[{self._finished}/{max(self._total, self._finished)}]"
                title = f"{strip_controls(event.title)} ({event.label})"
                return [f"{count} {title} {format_seconds(event.milliseconds)}"]
            case Failed():
                return format_failure(event)
            case Fault(rendered=text):
                return text.rstrip("\n").split("\n")
            case Judged(verdict=verdict) if verdict == "failed" or not self._quiet:
                return [format_gate(event)]
            case Warned(text):
                return [f"warning: {strip_controls(text)}"]
        return []

    def close(self) -> None:
        """Does nothing: each line is flushed."""


def format_gate(event: Judged) -> str:
    """The verdict of a gate in one line."""
    why = f": {strip_controls(event.why)}" if event.why else ""
    return f"gate {event.verdict}: {event.label}: {strip_controls(event.gate)}{why}"
