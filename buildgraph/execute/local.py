"""The rungs without namespaces: a command under a supervisor (`confine.py`), with or without Landlock and seccomp."""
from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

from ..errors import BuildError
from .confine import CANNOT_CONFINE, CANNOT_RUN_TEXT
from .job import Job
from .mounts import SYSTEM, SYSTEM_FILES
from .namespaces import NETWORK_FILES
from .process import End, Process, Start, environment, memory_file

ROOT = os.path.abspath(__file__).rsplit(os.sep, 3)[0]
_PROGRAM = ("import os, sys; sys.path.append(sys.argv[2]); from buildgraph.execute.confine import main; "
            "os._exit(main(int(sys.argv[1])))")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def run(job: Job, confined: bool, cancel: threading.Event | None) -> End:
    """Run a job below its stage; when `confined`, files beyond what it was given and sockets are refused to it."""
    given = memory_file(orders(job, confined, os.getpid()))
    try:
        argv = (sys.executable, "-I", "-S", "-c", _PROGRAM, str(given), ROOT)
        with closing(Process(Start(argv, {}, job.stage, (given,), signal.SIGTERM))) as process:
            end = process.follow(job.timeout, cancel, lambda: None)
    finally:
        os.close(given)
    if confined and end.code == CANNOT_CONFINE and CANNOT_RUN_TEXT.encode() in end.log:
        raise BuildError(f"this host cannot confine a command: {end.log.decode(errors='replace').strip()}", None,
                         "see 'buildgraph doctor'", "environment")
    return end


def orders(job: Job, confined: bool, parent: int) -> Iterator[str]:
    """What `confine.py` must know of a job; `parent` is the process that it must outlive in no case."""
    yield f"p{parent}"
    if confined:
        yield "l"
    if job.network:
        yield "n"
    for path in (*SYSTEM, *SYSTEM_FILES, *(NETWORK_FILES if job.network else ()), *job.visible, job.stage):
        yield f"r{os.path.realpath(path)}"
    for path in (job.out, job.temp):
        yield f"w{path}"
    for path in _DEVICES:
        yield f"d{path}"
    for name, value in sorted(environment(job, job.stage, job.temp).items()):
        yield f"e{name}={value}"
    for word in job.argv:
        yield f"a{word}"
