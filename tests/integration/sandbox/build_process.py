"""Run one job in a separate build process that tests can kill.

The process of a test has threads and must not fork.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from buildgraph.sandbox.job import Job, Level

_PROGRAM = """
import ast, signal, sys
from buildgraph.sandbox.forkserver.client import ForkServers
from buildgraph.sandbox.job import Job
from buildgraph.sandbox.sandbox import run
signal.signal(signal.SIGINT, signal.default_int_handler)
fields, level, scratch = ast.literal_eval(sys.argv[1])
with ForkServers(scratch, fewest=1) as servers:
    print(run(Job(*fields), level, None, servers if scratch else None).ended, end="")
"""


def begin(job: Job, level: Level, scratch: str = "") -> subprocess.Popen[str]:
    """Run a job at a level, by a fork server when `scratch` is set, and print how it ended."""
    fields = (
        job.argv,
        job.env,
        job.stage,
        job.out,
        job.temp,
        job.visible,
        job.timeout,
        job.network,
    )
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, repr((fields, level, scratch))],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for(path: Path) -> None:
    """Wait until a job has created this file."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} is never made"
        time.sleep(0.02)
