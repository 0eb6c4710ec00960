"""One build as events: the input of each listener in the golden tests."""

from __future__ import annotations

from buildgraph.types.digest import Digest
from buildgraph.types.events import (
    Built,
    Done,
    Event,
    Failed,
    Finished,
    Judged,
    Planned,
    Skipped,
    Started,
    Warned,
)

EXPORT, SCOUT = "//exports:jetson", "//models:scout"
_LOG = "".join(f"scout.c:{number}: \x1b[33mnote\x1b[0m: unused\n" for number in range(1, 41))
_IMAGE = "sha256:" + "5f" * 32

BEFORE: list[Event] = [
    Planned((EXPORT,), 7, 3, "namespaces"),
    Done(0, SCOUT, "ingest scout.npz", "hit", "00" * 32, 0),
    Started(1, SCOUT, "probe"),
    Started(2, EXPORT, "compile scout [bold] for cortex-a78ae"),
]
AFTER: list[Event] = [
    Warned("the cache lost blob 0123456789ab: building it again"),
    Done(1, SCOUT, "probe", "ran", "11" * 32, 1234),
    Failed(
        2,
        EXPORT,
        "compile scout [bold] for cortex-a78ae",
        "exit code 1",
        _LOG,
        "cd work && python3 tools/compile.py",
    ),
    Skipped(3, EXPORT, "link", "compile scout"),
    Done(4, EXPORT, "gate size", "shared", "44" * 32, 0),
    Judged(EXPORT, "selftest", "passed"),
    Judged(EXPORT, "bits", "passed"),
    Judged(EXPORT, "image", "failed", "9.1 MiB is over the budget of 8.0 MiB"),
    Judged(EXPORT, "step_p99", "not checked", "needs the board"),
    Built(EXPORT, "summary", "out/exports/jetson/summary.json", Digest("ab" * 32, 412), 412),
    Built(EXPORT, "image", "out/exports/jetson/image", Digest("cd" * 32, 163), 412345, _IMAGE),
    Finished(1, 1, 1, 1, 1, 1, 4211),
]
