"""The JSON object that a verb prints for `--json`, with the version of its form as `schema`."""

from __future__ import annotations

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SCHEMA = 2
"""The version: it increases when a field is renamed, is removed or changes its meaning."""


def document(fields: Mapping[str, Any]) -> str:
    """One line of JSON: the version, then the fields."""
    import json  # slow to import, and the module is part of an incremental build

    return json.dumps({"schema": SCHEMA, **fields})


def print_document(fields: Mapping[str, Any]) -> None:
    """Print the answer of a verb as one JSON object on a line of its own."""
    print(document(fields))
