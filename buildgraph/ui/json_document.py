"""What `--json` prints: one object, or a stream of events. Both name the version of their shape as `schema`."""

from __future__ import annotations

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SCHEMA = 2
"""Raised when a field is renamed, removed or changes its meaning; a new field does not raise it."""


def document(fields: Mapping[str, Any]) -> str:
    """One line of JSON: the version, then the fields."""
    import json  # too slow to import for a build in which little changed

    return json.dumps({"schema": SCHEMA, **fields})


def print_document(fields: Mapping[str, Any]) -> None:
    """Print the answer of a verb as one JSON object on a line of its own."""
    print(document(fields))
