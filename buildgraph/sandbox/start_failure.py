"""Why a program cannot be started, in words: the system says only "No such file or directory" or "Exec format error"."""

from __future__ import annotations

import os
import stat

from ..lite import TYPE_CHECKING
from .job import Job, Outcome
from .mounts import SYSTEM
from .supervisor import CANNOT_RUN_TEXT

if TYPE_CHECKING:
    from typing import Literal

_HEAD = 4096
UNSTARTED = " cannot be run: "
_NOT_STARTED = (126, 127)  # with which a shell ends for a program that it cannot start
_SHARED = (b"SemLock", b"shared_memory", b"/dev/shm", b"shm_open", b"sem_open")
_MACHINES = {
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
_RUNS = {
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
    """Why the program of a job cannot have been started as it is, or could not be given what it asked for; or nothing.

    A script of the workspace that only some sandboxes would start is a fault in all of them.
    """
    if outcome.ended not in ("exit", "signal"):
        return ""
    name = job.argv[0]
    if not os.path.isabs(name):
        found = _fault(job, name, f"{job.stage}/{name}", outcome)
        if found:
            return f"{name}{UNSTARTED}{found}"
    elif b"bwrap: execvp" in outcome.log[:4096] or CANNOT_RUN_TEXT.encode() in outcome.log[:4096]:
        found = _fault(job, name, name, outcome)
        if found:
            return f"{name}{UNSTARTED}{found}"
    if outcome.code in _NOT_STARTED:
        return _started_by_a_shell(job, outcome)
    return _shared_memory(job, outcome) if outcome.code else ""


def _fault(job: Job, name: str, path: str, outcome: Outcome) -> str:
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):
            return ""
        if not info.st_mode & 0o111:
            return f"it is not executable: `chmod +x {name}`, or start argv with its interpreter, such as sh or python3"
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    failed = outcome.code != 0
    if not head:
        return "it is empty: a script begins with a line such as #!/bin/sh"
    if head.startswith(b"\x7fELF"):
        return _elf(head) if failed else ""
    if head.startswith(b"#!"):
        return _script(job, name, head, outcome)
    if head.startswith(b"\xef\xbb\xbf#!"):
        return f"it begins with a byte order mark: remove it with `sed -i '1s/^\\xef\\xbb\\xbf//' {name}`"
    system = next((system for magic, system in _FOREIGN.items() if head.startswith(magic)), "")
    if system:
        return f"it is a program for {system}" if failed else ""
    if b"\0" in head:
        return "it is neither a script nor a program of this system" if failed else ""
    return "its first line names no interpreter: begin it with a line such as #!/bin/sh"


def _script(job: Job, name: str, head: bytes, outcome: Outcome) -> str:
    line = head.partition(b"\n")[0]
    if line.endswith(b"\r"):
        asked = os.fsdecode(line[2:]).split()
        return (
            f"its first line ends in CR LF, so the system looks for {(asked or ['a program'])[0] + chr(13)!r}: save it "
            f"with LF line ends, such as by `sed -i 's/\\r$//' {name}`"
        )
    words = os.fsdecode(line[2:]).split()
    if not words:
        return "its first line names no interpreter after #!: write one, such as #!/bin/sh"
    path = words[0] if os.path.isabs(words[0]) else f"{job.stage}/{words[0]}"
    if not os.path.exists(path):
        return f"its first line names the interpreter {words[0]}, which does not exist: correct it, or install that program"
    if not os.access(path, os.X_OK):
        return f"its first line names the interpreter {words[0]}, which is not executable"
    real = os.path.realpath(path)
    if (
        outcome.level != "none"
        and outcome.code
        and not any(
            real.startswith(f"{top}/") or real == top
            for top in (*SYSTEM, *job.visible, os.path.realpath(job.stage))
        )
    ):
        return (
            f"its first line names the interpreter {words[0]}, which commands in the sandbox {outcome.level!r} do not see: "
            "start argv with the name of the interpreter"
        )
    return ""


def _elf(head: bytes) -> str:
    if len(head) < 64:
        return "it is a program that is cut off"
    order: Literal["little", "big"] = "big" if head[5] == 2 else "little"
    machine = int.from_bytes(head[18:20], order)
    here = os.uname().machine
    if machine not in _RUNS.get(here, (machine,)):
        made_for = _MACHINES.get(machine, f"another machine (ELF machine {machine})")
        return f"it is a program for {made_for}, and this machine is {here}: build it for this machine, or run it by an emulator"
    loader = _loader(head, order)
    if loader and not os.path.exists(loader):
        return (
            f"it needs the loader {loader}, which does not exist here: link it statically, or against the C library of "
            "this machine"
        )
    return ""


def _loader(head: bytes, order: Literal["little", "big"]) -> str:
    """The program that starts a dynamically linked one; empty when it is static, or does not say so in its first bytes."""
    wide = head[4] == 2
    fields = (
        ((32, 8), (54, 2), (56, 2)) if wide else ((28, 4), (42, 2), (44, 2))
    )  # offset, size and count of the rows
    number = [int.from_bytes(head[at : at + size], order) for at, size in fields]
    for entry in range(number[2]):
        row = head[number[0] + entry * number[1] :][: number[1]]
        if len(row) == number[1] and int.from_bytes(row[:4], order) == 3:  # PT_INTERP
            at, size = ((8, 8), (32, 8)) if wide else ((4, 4), (16, 4))
            start = int.from_bytes(row[at[0] : sum(at)], order)
            return os.fsdecode(
                head[start : start + int.from_bytes(row[size[0] : sum(size)], order)].rstrip(b"\0")
            )
    return ""


def _started_by_a_shell(job: Job, outcome: Outcome) -> str:
    """A script among the words of a command line that a shell could not start."""
    for word in {part for words in job.argv[1:] for part in words.split()}:
        path = f"{job.stage}/{word.removeprefix('./')}"
        try:
            with open(path, "rb") as file:
                head = file.read(_HEAD)
        except (OSError, ValueError):
            continue
        found = _script(job, word, head, outcome) if head.startswith(b"#!") else ""
        if found:
            return f"{word}{UNSTARTED}{found}"
    return ""


def _shared_memory(job: Job, outcome: Outcome) -> str:
    """What a program meets that asks for shared memory or named semaphores where they cannot be private to an action."""
    said = b"".join((outcome.log, *map(os.fsencode, job.argv)))
    asked = any(word in said for word in _SHARED)
    if outcome.level != "landlock" or not asked or b"Permission denied" not in outcome.log:
        return ""
    return (
        "it asked for shared memory or a named semaphore (/dev/shm), which the sandbox 'landlock' forbids: use the sandbox "
        "'namespaces' (`buildgraph doctor`), or run it without processes that share memory"
    )
