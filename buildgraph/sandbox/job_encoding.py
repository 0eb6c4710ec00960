"""Encoding of a job as orders for a supervisor; `supervisor.py` lists their letters."""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING
from .job import Job

if TYPE_CHECKING:
    from collections.abc import Iterator

NETWORK_FILES = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
)
USER = "build"  # as mounts.py names user 1000
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def environment(job: Job, folder: str, temp: str) -> dict[str, str]:
    """Return the environment of a command: defaults, and the variables that the job sets.

    Only the working folder and `temp` differ between machines.
    """
    defaults = {
        "HOME": "/nonexistent",
        "LOGNAME": USER,
        "PATH": "/usr/bin:/bin",
        "TMPDIR": temp,
        "USER": USER,
    }
    return defaults | dict(job.env) | {"PWD": folder}


def encode_job(job: Job, confined: bool, parent: int) -> Iterator[str]:
    """Encode a job for a supervisor, which exits when the process `parent` does."""
    yield f"p{parent}"
    yield f"s{job.stage}"
    if confined:
        yield from _grants(job)
    for name, value in sorted(environment(job, job.stage, job.temp).items()):
        yield f"e{name}={value}"
    for word in job.words:
        yield f"a{word}"


def _grants(job: Job) -> Iterator[str]:
    from .mounts import SYSTEM, SYSTEM_FILES

    yield "l"
    if job.network:
        yield "n"
    for path in (
        *SYSTEM,
        *SYSTEM_FILES,
        *(NETWORK_FILES if job.network else ()),
        *job.visible,
        job.stage,
    ):
        yield f"r{os.path.realpath(path)}"
    for path in (job.out, job.temp):
        yield f"w{path}"
    for path in _DEVICES:
        yield f"d{path}"
