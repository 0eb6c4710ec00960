"""Reasons for which a program cannot be started, in more detail than the system's error messages.

The system reports only "No such file or directory" or "Exec format error".
"""

from __future__ import annotations

import os
import stat

from ..lite import TYPE_CHECKING
from .job import Job, Outcome
from .mounts import SYSTEM
from .supervisor import CANNOT_RUN_TEXT

if TYPE_CHECKING:
    from typing import Literal

_HEAD_BYTES = 4096
UNSTARTED = " cannot be run: "
_SHELL_CODES = (126, 127)  # exit codes of a shell that cannot start a program
_SHARED_MEMORY = (b"SemLock", b"shared_memory", b"/dev/shm", b"shm_open", b"sem_open")
_MACHINES = {  # by machine number of ELF
    3: "32-bit x86",
    8: "MIPS",
    20: "32-bit PowerPC",
    21: "64-bit PowerPC",
    22: "s390x",
    40: "32-bit ARM",
    62: "x86-64",
    183: "64-bit ARM",
    243: "RISC-V",
    258: "LoongArch",
}
_RUNNABLE = {  # machine numbers that each machine runs
    "x86_64": (62, 3),
    "i686": (3,),
    "aarch64": (183, 40),
    "armv7l": (40,),
    "riscv64": (243,),
    "ppc64le": (21,),
    "ppc64": (21,),
    "s390x": (22,),
    "loongarch64": (258,),
}
_FOREIGN = {b"MZ": "Windows", b"\xcf\xfa\xed\xfe": "macOS", b"\xca\xfe\xba\xbe": "macOS"}


def start_error(job: Job, outcome: Outcome) -> str:
    """Return the reason for which a job's program cannot start or work; empty if unknown.

    A script of the workspace that only some levels can start is an error at every level.
    """
    if outcome.ended not in ("exit", "signal"):
        return ""
    name = job.argv[0]
    if not os.path.isabs(name):
        reason = _reason(job, name, f"{job.stage}/{name}", outcome)
        if reason:
            return f"{name}{UNSTARTED}{reason}"
    elif b"bwrap: execvp" in outcome.log[:4096] or CANNOT_RUN_TEXT.encode() in outcome.log[:4096]:
        reason = _reason(job, name, name, outcome)
        if reason:
            return f"{name}{UNSTARTED}{reason}"
    if outcome.code in _SHELL_CODES:
        return _reason_in_shell(job, outcome)
    return _shared_memory_refusal(job, outcome) if outcome.code else ""


def _reason(job: Job, name: str, path: str, outcome: Outcome) -> str:
    """Return the reason for which the program at `path` cannot be started; empty if unknown."""
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):
            return ""
        if not info.st_mode & 0o111:
            return (
                f"it is not executable: `chmod +x {name}`, or start argv with its interpreter, "
                "such as sh or python3"
            )
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    failed = outcome.code != 0
    if not head:
        return "it is empty: a script begins with a line such as #!/bin/sh"
    if head.startswith(b"\x7fELF"):
        return _elf_reason(head) if failed else ""
    if head.startswith(b"#!"):
        return _script_reason(job, name, head, outcome)
    if head.startswith(b"\xef\xbb\xbf#!"):
        return (
            "it begins with a byte order mark: "
            f"remove it with `sed -i '1s/^\\xef\\xbb\\xbf//' {name}`"
        )
    system = next((system for magic, system in _FOREIGN.items() if head.startswith(magic)), "")
    if system:
        return f"it is a program for {system}" if failed else ""
    if b"\0" in head:
        return "it is not a script, and not a program of this system" if failed else ""
    return "its first line names no interpreter: begin it with a line such as #!/bin/sh"


def _script_reason(job: Job, name: str, head: bytes, outcome: Outcome) -> str:
    """Return the reason for which a script cannot be started, from its first line."""
    line = head.partition(b"\n")[0]
    words = os.fsdecode(line[2:]).split()
    if line.endswith(b"\r"):
        program = words[0] if words else "a program"
        return (
            f"its first line ends in CR LF, so the system looks for {program + chr(13)!r}: save it "
            f"with LF line ends, such as by `sed -i 's/\\r$//' {name}`"
        )
    if not words:
        return "its first line names no interpreter after #!: write one, such as #!/bin/sh"
    named = f"its first line names the interpreter {words[0]}"
    path = words[0] if os.path.isabs(words[0]) else f"{job.stage}/{words[0]}"
    if not os.path.exists(path):
        return f"{named}, which does not exist: correct it, or install that program"
    if not os.access(path, os.X_OK):
        return f"{named}, which is not executable"
    real = os.path.realpath(path)
    is_visible = any(
        real.startswith(f"{top}/") or real == top
        for top in (*SYSTEM, *job.visible, os.path.realpath(job.stage))
    )
    if outcome.level != "none" and outcome.code and not is_visible:
        return (
            f"{named}, which commands in the sandbox {outcome.level!r} do not see: "
            "start argv with the name of the interpreter"
        )
    return ""


def _elf_reason(head: bytes) -> str:
    """Return the reason for which an ELF program cannot be started, from its first bytes."""
    if len(head) < 64:
        return "it is a truncated program"
    order: Literal["little", "big"] = "big" if head[5] == 2 else "little"
    machine = int.from_bytes(head[18:20], order)
    here = os.uname().machine
    if machine not in _RUNNABLE.get(here, (machine,)):
        target = _MACHINES.get(machine, f"another machine (ELF machine {machine})")
        return (
            f"it is a program for {target}, and this machine is {here}: "
            "build it for this machine, or run it by an emulator"
        )
    loader = _loader(head, order)
    if loader and not os.path.exists(loader):
        return (
            f"it needs the loader {loader}, which does not exist here: "
            "link it statically, or against the C library of this machine"
        )
    return ""


def _loader(head: bytes, order: Literal["little", "big"]) -> str:
    """Return the loader (PT_INTERP) of a program; empty if it is not in the first bytes."""
    is_64_bit = head[4] == 2
    # Offset and size of the fields that have the offset, size and count of the program headers.
    fields = ((32, 8), (54, 2), (56, 2)) if is_64_bit else ((28, 4), (42, 2), (44, 2))
    table, row_size, count = (int.from_bytes(head[at : at + size], order) for at, size in fields)
    for number in range(count):
        row = head[table + number * row_size :][:row_size]
        if len(row) == row_size and int.from_bytes(row[:4], order) == 3:  # PT_INTERP
            at, size = ((8, 8), (32, 8)) if is_64_bit else ((4, 4), (16, 4))
            start = int.from_bytes(row[at[0] : sum(at)], order)
            length = int.from_bytes(row[size[0] : sum(size)], order)
            return os.fsdecode(head[start : start + length].rstrip(b"\0"))
    return ""


def _reason_in_shell(job: Job, outcome: Outcome) -> str:
    """Return the reason for which a shell could not start a script in the job's argv."""
    for word in {part for words in job.argv[1:] for part in words.split()}:
        path = f"{job.stage}/{word.removeprefix('./')}"
        try:
            with open(path, "rb") as file:
                head = file.read(_HEAD_BYTES)
        except (OSError, ValueError):
            continue
        reason = _script_reason(job, word, head, outcome) if head.startswith(b"#!") else ""
        if reason:
            return f"{word}{UNSTARTED}{reason}"
    return ""


def _shared_memory_refusal(job: Job, outcome: Outcome) -> str:
    """Return help for a program that `landlock` refused shared memory or a named semaphore."""
    text = b"".join((outcome.log, *map(os.fsencode, job.argv)))
    uses_shared_memory = any(word in text for word in _SHARED_MEMORY)
    if (
        outcome.level != "landlock"
        or not uses_shared_memory
        or b"Permission denied" not in outcome.log
    ):
        return ""
    return (
        "it asked for shared memory or a named semaphore (/dev/shm), which the sandbox 'landlock' "
        "forbids: use the sandbox 'namespaces' (`buildgraph doctor`), or run it without processes "
        "that share memory"
    )
