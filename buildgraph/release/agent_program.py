"""The agent program of an image: read it from the layers, and replay records on it in a sandbox.

A program for another processor runs under qemu's user mode. Emulation gives the same bits as the
board; it is never used to measure time.
"""

from __future__ import annotations

import io
import os
import platform
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..docker.oci_layout import read_blob, select_image
from ..sandbox.job import Job
from ..sandbox.sandbox import best_level, run as run_job
from ..types.errors import BuildError

_PROGRAM = "agent"
_TIMEOUT_S = 300
_LARGE = 256 << 20  # bytes of an unpacked layer
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i386", "riscv64": "riscv64"}
_SCRIPT = './agent --replay "$1" < records > out/replies'
_SCRIPT_EMULATED = '"$2" ./agent --replay "$1" < records > out/replies'


@dataclass(frozen=True, slots=True)
class AgentProgram:
    """The program of an image: its bytes, and its platform such as `linux/arm64/v8`."""

    data: bytes
    platform: str


class CannotRun(Exception):
    """The program does not run on this machine; the message says why."""


def read_program(layout: Path) -> AgentProgram:
    """Read `/agent` from an OCI layout. Every blob is compared with its digest.

    BuildError (reason "broken") for a damaged blob, (reason "input") if there is no program.
    """
    image = select_image(layout)
    for layer in reversed(image.layers):
        packed = read_blob(layout, str(layer["digest"]), _LARGE)
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:*") as archive:
            for member in archive:
                if member.name == _PROGRAM and member.isreg() and member.size <= _LARGE:
                    file = archive.extractfile(member)
                    assert file is not None, "a regular file has content"
                    return AgentProgram(file.read(), image.platform)
    raise BuildError(f"{layout} has no program /{_PROGRAM}", fix="name a release of an export")


def find_emulator(image_platform: str) -> str:
    """Return the path of the emulator that a platform needs here; '' if it needs none.

    Raises CannotRun if the emulator is not installed.
    """
    architecture = [*image_platform.split("/"), ""][1]
    machine = _MACHINES.get(architecture, architecture)
    if machine == platform.machine():
        return ""
    name = f"qemu-{machine}-static"
    path = shutil.which(name)
    if path is None:
        raise CannotRun(
            f"the program is for {image_platform}, and {name} is not installed; "
            "install the package qemu-user-static"
        )
    return os.path.realpath(path)


def replay(program: AgentProgram, agent: str, records: bytes) -> bytes:
    """Return the program's replies to replay records, from a sandbox without network.

    Raises CannotRun if the program, or its emulator, fails or is missing.
    """
    emulator = find_emulator(program.platform)
    with tempfile.TemporaryDirectory(prefix="buildgraph-replay-") as folder:
        stage, temp = Path(folder, "stage"), Path(folder, "temp")
        out = stage / "out"
        for path in (stage, out, temp):
            path.mkdir()
        (stage / _PROGRAM).write_bytes(program.data)
        (stage / _PROGRAM).chmod(0o755)
        (stage / "records").write_bytes(records)
        words = ("/bin/sh", "-c", _SCRIPT_EMULATED if emulator else _SCRIPT, "sh", agent)
        job = Job(
            (*words, *filter(None, (emulator,))),
            (),
            str(stage),
            str(out),
            str(temp),
            tuple(filter(None, (emulator,))),
            _TIMEOUT_S,
        )
        outcome = run_job(job, best_level(os.environ))
        if outcome.code or outcome.ended != "exit":
            log = outcome.log.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise CannotRun(
                f"the program failed to replay ({outcome.ended}, exit code {outcome.code})"
                + "".join(f": {line}" for line in log)
            )
        return (out / "replies").read_bytes()
