"""The rungs without namespaces: a command under a supervisor (`confine.py`), with or without Landlock and seccomp."""
from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

from ..errors import BuildError
from .confine import CANNOT_CONFINE
from .job import Job
from .namespaces import NETWORK_FILES, SYSTEM, SYSTEM_FILES
from .process import End, Process, Start, environment

_ROOT = os.path.abspath(__file__).rsplit(os.sep, 3)[0]
_PROGRAM = ("import os, sys; sys.path.append(sys.argv[2]); from buildgraph.execute.confine import main; "
            "os._exit(main(int(sys.argv[1])))")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def run(job: Job, confined: bool, cancel: threading.Event | None) -> End:
    """Run a job below its stage; when `confined`, files beyond what it was given and sockets are refused to it."""
    orders = os.memfd_create("orders", os.MFD_CLOEXEC)
    try:
        os.pwrite(orders, b"\0".join(os.fsencode(word) for word in _orders(job, confined)), 0)
        argv = (sys.executable, "-I", "-S", "-c", _PROGRAM, str(orders), _ROOT)
        with closing(Process(Start(argv, {}, job.stage, (orders,), signal.SIGTERM))) as process:
            end = process.follow(job.timeout, cancel, lambda: None)
    finally:
        os.close(orders)
    if confined and end.code == CANNOT_CONFINE and b"buildgraph: cannot run" in end.log:
        raise BuildError(f"this host cannot confine a command: {end.log.decode(errors='replace').strip()}", None,
                         "see 'buildgraph doctor'", "environment")
    return end


def _orders(job: Job, confined: bool) -> Iterator[str]:
    yield f"p{os.getpid()}"
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
