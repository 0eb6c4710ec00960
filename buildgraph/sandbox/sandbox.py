"""The ladder of isolation: the best rung of this host, and running a job on a rung.

`namespaces` (bubblewrap) shows a command only what it was given; `landlock` refuses to open the rest, for hosts that
forbid namespaces; `none` only cleans up behind it. Which rung was reached is in every result.

What Landlock does not govern stays possible on its rung: to learn that a path exists, the host's name, and, for whoever
knows the path of a file of the same user, chmod and utime. The content of files and all sockets are out of reach.
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

_WANTS = tuple(
    map(os.strerror, (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN))
)  # gone in a moment


def best_level(environ: Mapping[str, str]) -> Level:
    """The best rung that works here, found by running a command on each from the top: some 15 ms on the first.

    BUILDGRAPH_SANDBOX names the highest rung to try; BuildError when it names none.
    """
    highest = environ.get("BUILDGRAPH_SANDBOX", LEVELS[0])
    if highest not in LEVELS:
        raise BuildError(
            f"BUILDGRAPH_SANDBOX is {highest!r}",
            None,
            f"use one of {', '.join(LEVELS)}",
            "environment",
        )
    return next(
        level for level in LEVELS[LEVELS.index(highest) :] if level == "none" or is_available(level)
    )


def is_available(level: Level) -> bool:
    """Whether a rung can be reached here."""
    return not find_obstacle(level)


def find_obstacle(level: Level) -> str:
    """Why a rung cannot be reached here, or an empty string; BuildError when the host has too little even for trying.

    A command is run on it, which must write its output and must not be able to read a file beside its stage. One that
    was killed says nothing of the rung, so another is run. Nor does a want of descriptors, processes or memory, for what
    is found out here is remembered.
    """
    for _ in range(2):
        killed, why = _obstacle(level)
        if not killed:
            break
    if killed or any(want in why for want in _WANTS):
        raise BuildError(
            f"the sandbox {level!r} cannot be tried: {why}",
            None,
            "allow more (ulimit -a shows the limits), or set BUILDGRAPH_SANDBOX to a weaker one",
            "environment",
        )
    return why


def _obstacle(level: Level) -> tuple[bool, str]:
    """Whether the command that looks was killed, and the obstacle that it met."""
    with tempfile.TemporaryDirectory(prefix="buildgraph-probe-") as folder:
        stage, temp, hidden = (os.path.join(folder, name) for name in ("stage", "temp", "hidden"))
        out = os.path.join(stage, "out")
        for path in (stage, temp, out):
            os.mkdir(path)
        with open(hidden, "w", encoding="ascii") as file:
            file.write("hidden\n")
        script = 'if read line < "$0"; then echo it hides nothing; exit 1; fi 2>/dev/null; echo done > out/done'
        try:
            outcome = run(
                Job(("/bin/sh", "-c", script, hidden), (), stage, out, temp, (), 60), level
            )
        except (BuildError, OSError) as fault:
            return False, str(fault)
        if outcome.code == 0 and os.path.exists(os.path.join(out, "done")):
            return False, ""
        said = (
            outcome.log.decode(errors="replace").strip()
            or f"a command on it ended with code {outcome.code}"
        )
        return outcome.code == 128 + 9, said


def run(
    job: Job, level: Level, cancel: Cancel | None = None, servers: ForkServers | None = None
) -> Outcome:
    """Run a job to its end on a rung; when this returns, no process of the job is alive.

    BuildError (reason "environment") when the rung cannot be reached. `cancel` ends the job within a moment. The fork
    servers run what they can; it makes no difference to the job.
    """
    began, kills = time.monotonic(), usage.count_oom_kills()
    end = servers.attempt(job, level, cancel) if servers is not None else None
    if end is None:
        end = (
            bubblewrap.run(job, cancel)
            if level == "namespaces"
            else supervised.run(job, level == "landlock", cancel)
        )
    milliseconds = round((time.monotonic() - began) * 1000)
    why = classify_ending(end.code, end.why, lambda: usage.count_oom_kills() > kills)
    return Outcome(end.code, why, end.log, level, milliseconds, end.cpu, end.peak)
