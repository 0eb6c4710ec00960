"""Errors that a tool reports: text for users, and a line for the build that started the tool.

The line is `refused: ` and JSON: the errors and the number of text lines before it. Each error has
a message, the path of keys in the target's table (such as `["links", 0]`), and advice. The exit
code is 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

Refusal = tuple[str, Sequence[str | int], str]  # what, place, what to do


def refuse(text: str, errors: Iterable[Refusal]) -> int:
    """Print the text and the line; return the exit code."""
    rows = [{"what": what, "at": list(at), "fix": fix} for what, at, fix in errors]
    sys.stdout.flush()
    print(text, file=sys.stderr)
    print(
        "refused:",
        json.dumps({"faults": rows, "lines": text.count("\n") + 1}),
        file=sys.stderr,
        flush=True,
    )
    return 1


def split_hint(line: str, *at: str | int) -> Refusal:
    """Split an error that ends in a hint into message and advice."""
    what, mark, rest = line.partition("; did you mean ")
    return what, at, f"did you mean {rest}" if mark else ""
