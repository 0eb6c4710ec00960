"""A command as the host runs it (`Job`), and how its run ended (`Outcome`)."""

from __future__ import annotations

import os
import sys

from ..lite import TYPE_CHECKING
from ..lite.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, Protocol, TypeAlias
else:
    Protocol = object


Ending: TypeAlias = "Literal['exit', 'signal', 'timeout', 'memory', 'interrupted']"
Level: TypeAlias = "Literal['namespaces', 'landlock', 'none']"
LEVELS: tuple[Level, ...] = ("namespaces", "landlock", "none")  # the strongest first
FLAGS = ("-S", "-s", "-B")  # of the interpreter that runs a tool
_INTERPRETER = os.path.realpath(sys.executable)


class Cancel(Protocol):
    """Flag that cancels running commands; `threading.Event` is one."""

    def is_set(self) -> bool:
        """True when running commands should end."""
        ...


class Job(Record):
    """One run of a command.

    `argv[0]` is an absolute path on the host or a path relative to `stage`. `stage` has the inputs
    and is the working folder; `out`, which is `<stage>/out`, is the only writable folder in it.
    `temp` is a private scratch folder, the command's TMPDIR. `visible` are files and folders of the
    host that the command needs (interpreter, distributions, programs), read-only. `timeout` is in
    seconds.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    stage: str
    out: str
    temp: str
    visible: tuple[str, ...]
    timeout: int
    network: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Return `argv` with a path for its program, so that PATH is never searched."""
        return self.argv if "/" in self.argv[0] else (f"./{self.argv[0]}", *self.argv[1:])


class Outcome(Record):
    """End of a run: exit code (128 + signal when killed), cause, log, and sandbox level.

    `ended` is "exit", "signal", "timeout", "memory" or "interrupted"; only "exit" with code 0 is a
    success. `log` is stdout and stderr as written, cut in the middle when longer than 1 MiB.
    """

    code: int
    ended: Ending
    log: bytes
    level: Level
    milliseconds: int
    cpu_milliseconds: int
    peak_kib: int


def classify_ending(code: int, why: str, was_oom_kill: Callable[[], bool]) -> Ending:
    """Return how a job ended, from its exit code and the reason for which its runner ended it.

    `was_oom_kill` is called for a job that was killed by SIGKILL.
    """
    if why != "exit":
        return why  # type: ignore[return-value]
    if code == 128 + 9 and was_oom_kill():
        return "memory"
    return "signal" if 128 < code <= 192 else "exit"


def is_tool(job: Job) -> bool:
    """True when a job runs a program of `tools/` with this interpreter, as fork servers do."""
    return (
        len(job.argv) > 4
        and job.argv[0] == _INTERPRETER
        and job.argv[1:4] == FLAGS
        and not job.network
        and job.argv[4].startswith("tools/")
    )
