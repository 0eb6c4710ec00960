"""Records of a gate: the keys under which files passed or failed, and facts about file contents.

    {"schema": 2, "passed": {PATH: KEY}, "failed": {PATH: KEY}, "cases": {PATH: [[TEST, OUTCOME]]},
     "lines": {PATH: {PATH: RANGES}}, "facts": {SHA-256: FACT}}

A key is a digest of all that a verdict depends on, so a file whose key is recorded as passed need
not be checked again. `lines` are those that the tests of a file execute in each file. A fact, such
as the imports of a file, is a function of its content alone. The JSON is compressed by zlib,
because facts for mypy have the text of each file without bodies.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 2
_PARTS = ("passed", "failed", "cases", "lines", "facts")


@dataclass
class Records:
    """The records of one gate."""

    passed: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    cases: dict[str, list[list[str]]] = field(default_factory=dict)
    lines: dict[str, dict[str, str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path, known: Mapping[str, Any]) -> None:
        """Write the records; of the facts only those that are `known` to be of current files."""
        document = {
            "schema": SCHEMA,
            "passed": self.passed,
            "failed": self.failed,
            "cases": self.cases,
            "lines": self.lines,
            "facts": dict(known),
        }
        text = json.dumps(document, sort_keys=True)
        path.write_bytes(zlib.compress(text.encode("ascii"), level=1))


def read_records(path: Path) -> Records:
    """Read the records of an earlier run; empty without a file, or for another schema."""
    try:
        document = json.loads(zlib.decompress(path.read_bytes()))
        if document["schema"] != SCHEMA:
            return Records()
        return Records(*(dict(document[name]) for name in _PARTS))
    except (OSError, ValueError, KeyError, TypeError, zlib.error):
        return Records()
