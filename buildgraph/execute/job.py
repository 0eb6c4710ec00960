"""A command as the host must run it, and what came of it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["namespaces", "landlock", "none"]
LEVELS: tuple[Level, ...] = ("namespaces", "landlock", "none")


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: exit code (128 + signal when killed), what happened, the log, and where it ran.

    `ended` is "exit", "signal", "timeout", "memory" or "interrupted"; only "exit" with code 0 is a success.
    `log` is stdout and stderr in one, as written, cut in the middle when over 1 MiB. Times are milliseconds.
    """

    code: int
    ended: Literal["exit", "signal", "timeout", "memory", "interrupted"]
    log: bytes
    level: Level
    milliseconds: int
    cpu_milliseconds: int
    peak_kib: int
