"""Levels without namespaces: a command under a supervisor, with or without Landlock and seccomp."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing

from ..types.errors import BuildError
from .job import Cancel, Job
from .job_encoding import encode_job
from .process import ChildProcess, ProcessResult, ProcessSpec, memory_file
from .supervisor import CANNOT_CONFINE, CANNOT_RUN_TEXT

ROOT = os.path.abspath(__file__).rsplit(os.sep, 3)[0]
_PROGRAM = (
    "import os, sys; sys.path.append(sys.argv[2]); from buildgraph.sandbox.supervisor import main; "
    "os._exit(main(int(sys.argv[1])))"
)


def run(job: Job, confined: bool, cancel: Cancel | None) -> ProcessResult:
    """Run a job in its stage; when `confined`, it opens no other files of the host and no sockets.

    BuildError (reason "environment") when this host cannot confine a command.
    """
    orders = memory_file(encode_job(job, confined, os.getpid()))
    try:
        argv = (sys.executable, "-I", "-S", "-c", _PROGRAM, str(orders), ROOT)
        spec = ProcessSpec(argv, {}, job.stage, (orders,), signal.SIGTERM)
        with closing(ChildProcess(spec)) as process:
            end = process.follow(job.timeout, cancel, lambda: None)
    finally:
        os.close(orders)
    if confined and end.code == CANNOT_CONFINE and CANNOT_RUN_TEXT.encode() in end.log:
        raise BuildError(
            f"this host cannot confine a command: {end.log.decode(errors='replace').strip()}",
            None,
            "see 'buildgraph doctor'",
            "environment",
        )
    return end
