"""How a tool refuses what the user wrote: text for people, and a line for the program that started it.

The line is `refused: ` and JSON: the faults, each with what is wrong, the place in the target's table that is to blame (such as
`["links", 0]`), and what to do; and how many lines of text stand before it. The exit code is 1, as for any other failure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

Refused = tuple[str, Sequence[str | int], str]  # what, place, what to do


def refuse(text: str, faults: Iterable[Refused]) -> int:
    """Say it and return the exit code."""
    rows = [{"what": what, "at": list(at), "fix": fix} for what, at, fix in faults]
    sys.stdout.flush()
    print(text, file=sys.stderr)
    print(
        "refused:",
        json.dumps({"faults": rows, "lines": text.count("\n") + 1}),
        file=sys.stderr,
        flush=True,
    )
    return 1


def hinted(line: str, *at: str | int) -> Refused:
    """A fault that ends in a hint as what is wrong and what to do."""
    what, mark, rest = line.partition("; did you mean ")
    return what, at, f"did you mean {rest}" if mark else ""
