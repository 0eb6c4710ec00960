"""A command as the host must run it, and what came of it."""

from __future__ import annotations

import os
import sys

from ..lite import TYPE_CHECKING
from ..lite.record import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, Protocol, TypeAlias
else:
    Protocol = object


Ending: TypeAlias = "Literal['exit', 'signal', 'timeout', 'memory', 'interrupted']"
Level: TypeAlias = "Literal['namespaces', 'landlock', 'none']"
LEVELS: tuple[Level, ...] = ("namespaces", "landlock", "none")
FLAGS = ("-S", "-s", "-B")  # with which the interpreter runs a tool
_INTERPRETER = os.path.realpath(sys.executable)


class Cancel(Protocol):
    """The wish that what runs comes to its end; `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether it is wished."""
        ...


@record
class Job:
    """One run: `stage` holds the inputs and becomes the working folder, `out` is its only writable folder.

    `argv[0]` is an absolute path of the host or a path relative to `stage`; `visible` are the host folders and files a
    tool needs to exist (interpreter, distributions, programs), read-only. `timeout` is in seconds.
    `out` is `<stage>/out`; `temp` is a private scratch folder, TMPDIR of the command.
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
        """`argv` with a path for its program: nothing is looked for in PATH."""
        return self.argv if "/" in self.argv[0] else (f"./{self.argv[0]}", *self.argv[1:])


@record
class Outcome:
    """How a run ended: exit code (128 + signal when killed), what happened, the log, and where it ran.

    `ended` is "exit", "signal", "timeout", "memory" or "interrupted"; only "exit" with code 0 is a success.
    `log` is stdout and stderr in one, as written, cut in the middle when over 1 MiB. Times are milliseconds.
    """

    code: int
    ended: Ending
    log: bytes
    level: Level
    milliseconds: int
    cpu_milliseconds: int
    peak_kib: int


def classify_ending(code: int, why: str, for_memory: Callable[[], bool]) -> Ending:
    """How a job ended, from its exit code and why its runner ended it; `for_memory` says whether one was killed so."""
    if why != "exit":
        return why  # type: ignore[return-value]
    if code == 128 + 9 and for_memory():
        return "memory"
    return "signal" if 128 < code <= 192 else "exit"


def is_tool(job: Job) -> bool:
    """Whether a job runs a program of `tools/` with the interpreter of this process: a warm one can serve it."""
    return (
        len(job.argv) > 4
        and job.argv[0] == _INTERPRETER
        and job.argv[1:4] == FLAGS
        and not job.network
        and job.argv[4].startswith("tools/")
    )
