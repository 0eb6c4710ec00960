"""Sandbox levels: find the strongest level of this host, and run a job at a level.

`namespaces` (bubblewrap) makes only declared files visible to a command. `landlock`, for hosts that
forbid namespaces, refuses to open all other files. `none` only cleans up after a command. Every
result records the level at which its action ran.

Landlock does not govern everything. A command at that level can learn that a path exists and read
the host's name, and it can call chmod and utime on a file of the same user whose path it knows. The
contents of files and all sockets are out of reach.
"""

from __future__ import annotations

import errno
import os
import tempfile
import time

from ..lite import TYPE_CHECKING
from ..types.errors import BuildError
from . import bubblewrap, supervised, usage
from .forkserver.client import ForkServers
from .job import LEVELS, Cancel, Job, Level, Outcome, classify_ending

if TYPE_CHECKING:
    from collections.abc import Mapping

# Shortages that may be over a moment later.
_TRANSIENT = tuple(map(os.strerror, (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)))


def best_level(environ: Mapping[str, str]) -> Level:
    """Return the strongest level that works here; BUILDGRAPH_SANDBOX names the strongest to try.

    A command is run at each level, the strongest first, which takes about 15 ms for the first.
    BuildError (reason "environment") when BUILDGRAPH_SANDBOX names no level.
    """
    strongest = environ.get("BUILDGRAPH_SANDBOX", LEVELS[0])
    if strongest not in LEVELS:
        raise BuildError(
            f"BUILDGRAPH_SANDBOX is {strongest!r}",
            None,
            f"use one of {', '.join(LEVELS)}",
            "environment",
        )
    candidates = LEVELS[LEVELS.index(strongest) :]
    return next(level for level in candidates if level == "none" or is_available(level))


def is_available(level: Level) -> bool:
    """True when a level works on this host."""
    return not find_obstacle(level)


def find_obstacle(level: Level) -> str:
    """Return the reason for which a level does not work here, or an empty string.

    A command is run at the level. It must write its output, and must not be able to read a file
    beside its stage. The test is repeated once when the command was killed, which says nothing
    about the level. BuildError (reason "environment") when the command is killed twice, or when
    file descriptors, processes or memory run out: the answer is saved, and must not depend on a
    transient shortage.
    """
    for _ in range(2):
        was_killed, reason = _try_level(level)
        if not was_killed:
            break
    if was_killed or any(shortage in reason for shortage in _TRANSIENT):
        raise BuildError(
            f"the sandbox {level!r} cannot be tried: {reason}",
            None,
            "raise the limits (`ulimit -a` shows them), or set BUILDGRAPH_SANDBOX to a weaker one",
            "environment",
        )
    return reason


def _try_level(level: Level) -> tuple[bool, str]:
    """Run a test command at a level; return (was killed, reason for its failure)."""
    with tempfile.TemporaryDirectory(prefix="buildgraph-probe-") as folder:
        stage, temp, hidden = (os.path.join(folder, name) for name in ("stage", "temp", "hidden"))
        out = os.path.join(stage, "out")
        for path in (stage, temp, out):
            os.mkdir(path)
        with open(hidden, "w", encoding="ascii") as file:
            file.write("hidden\n")
        script = (
            'if read line < "$0"; then echo it hides nothing; exit 1; fi 2>/dev/null; '
            "echo done > out/done"
        )
        job = Job(("/bin/sh", "-c", script, hidden), (), stage, out, temp, (), 60)
        try:
            outcome = run(job, level)
        except (BuildError, OSError) as error:
            return False, str(error)
        if outcome.code == 0 and os.path.exists(os.path.join(out, "done")):
            return False, ""
        reason = outcome.log.decode(errors="replace").strip()
        return outcome.code == 128 + 9, reason or f"a command exited with code {outcome.code}"


def run(
    job: Job, level: Level, cancel: Cancel | None = None, servers: ForkServers | None = None
) -> Outcome:
    """Run a job to its end at a level; when this returns, no process of the job is alive.

    `cancel`, checked ten times a second, ends the job. `servers` run the job if they can, with the
    same result. BuildError (reason "environment") when the level does not work here.
    """
    began, oom_kills = time.monotonic(), usage.count_oom_kills()
    end = servers.attempt(job, level, cancel) if servers is not None else None
    if end is None:
        end = (
            bubblewrap.run(job, cancel)
            if level == "namespaces"
            else supervised.run(job, level == "landlock", cancel)
        )
    milliseconds = round((time.monotonic() - began) * 1000)
    ending = classify_ending(end.code, end.cause, lambda: usage.count_oom_kills() > oom_kills)
    return Outcome(end.code, ending, end.log, level, milliseconds, end.cpu, end.peak)
