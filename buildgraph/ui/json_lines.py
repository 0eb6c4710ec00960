"""Events for programs: one JSON object a line, with the fields of the event.

The first has `schema`.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.json_text import json_text
from ..types.events import Event
from .json_document import SCHEMA

if TYPE_CHECKING:
    from typing import Any, TextIO


def encode(event: Event) -> dict[str, Any]:
    """The fields of an event by name; `event` is the name of its class in lower case."""
    return {"event": type(event).__name__.lower()} | {
        name: getattr(event, name) for name in event.__match_args__
    }


class JsonLines:
    """A listener that writes every event as it happens."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._version = {"schema": SCHEMA}  # for the first event

    def __call__(self, event: Event) -> None:
        """Write one object and flush, so that a reader sees it at once."""
        self._out.write(json_text(self._version | encode(event), str) + "\n")
        self._version = {}
        self._out.flush()

    def close(self) -> None:
        """Does nothing: each event is flushed."""
