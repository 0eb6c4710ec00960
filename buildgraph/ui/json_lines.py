"""Events for programs: one JSON object a line, named by the event, with the fields of its dataclass."""
from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, TextIO

from ..digest import Digest
from ..events import Event


def encode(event: Event) -> dict[str, Any]:
    """An event as plain values: `event` is its type in lower case, digests are `<hash>/<size>`."""
    plain: dict[str, Any] = {"event": type(event).__name__.lower()}
    for field in fields(event):
        name, value = field.name, getattr(event, field.name)
        plain[name] = str(value) if isinstance(value, Digest) else value
    return plain


class JsonLines:
    """A listener that writes every event as it happens."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: Event) -> None:
        """Write one object and flush, so that a reader sees it at once."""
        self._out.write(json.dumps(encode(event), ensure_ascii=True) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing to put away."""
