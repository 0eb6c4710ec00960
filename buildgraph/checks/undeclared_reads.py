"""`build --audit`: run the actions of a build under strace, without a sandbox, and name what they read undeclared.

A sandbox hides such files, and the command then fails without a word of why. Here it finds them, and each is named
with the line of TOML that declares it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ..execution.action_runner import ActionRunner, Task
from ..execution.executor import Executor
from ..execution.scheduler import StepState
from ..sandbox.job import Job, Outcome
from ..sandbox.mounts import SYSTEM, SYSTEM_FILES
from ..types.action import Action
from ..types.errors import FAILED, INTERRUPTED, BuildError
from ..types.events import Judged
from ..ui.format import plural
from .reproducibility import in_order

_CALLS = "?open,openat,?openat2,execve,?execveat"
_OPEN = re.compile(
    rb'open(?:at2?)?\((?:[^<"]*<((?:[^>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)", '
    rb"(\{[^}]*\}|[A-Z_|0-9a-zx]+).*\) = (?:\d+<(.*)>|-1 (E[A-Z]+).*)$"
)
_EXEC = re.compile(rb'execve(?:at)?\((?:[^"]*)"((?:[^"\\]|\\.)*)".*\) = 0$')
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)")
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"}
# Asked for by the C library of every machine; no sandbox shows them and nothing depends on their absence.
_AMBIENT = (
    "/dev",
    "/proc",
    "/sys",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/localtime",
    "/etc/ld.so.preload",
    "/etc/locale.alias",
    "/etc/ssl/openssl.cnf",
    # A compiler's guess at the distribution it runs on.
    "/etc/debian_version",
    "/etc/os-release",
    "/etc/lsb-release",
    "/etc/redhat-release",
    "/etc/SuSE-release",
)


def require_strace() -> None:
    """BuildError when the host has no strace."""
    if shutil.which("strace") is None:
        raise BuildError(
            "--audit needs strace, which is not installed",
            None,
            "install the package strace",
            "environment",
        )


class StraceRunner(ActionRunner):
    """Notes what its one job opens: `opened` are (path asked for, real path or "", folder it stood in)."""

    opened: list[tuple[str, str, str]]
    job: Job

    def run(self, job: Job) -> Outcome:
        """Run a job under strace, one file of notes for each process."""
        notes = os.path.join(os.path.dirname(job.temp), "notes")
        os.mkdir(notes)
        strace = shutil.which("strace")
        assert strace is not None, "the audit was begun without strace"
        first = job.argv[0] if "/" in job.argv[0] else f"./{job.argv[0]}"
        words = (
            strace,
            "-ff",
            "-qq",
            "-y",
            "-s",
            "4096",
            "--seccomp-bpf",
            "-e",
            f"trace={_CALLS}",
            "-o",
            os.path.join(notes, "process"),
            "--",
            first,
            *job.argv[1:],
        )
        outcome = super().run(replace(job, argv=words))
        self.job, self.opened = job, []
        for name in sorted(os.listdir(notes)):
            with open(os.path.join(notes, name), "rb") as file:
                self.opened += (
                    found for line in file if (found := opened(line.rstrip(b"\n"))) is not None
                )
        return outcome


def opened(line: bytes) -> tuple[str, str, str] | None:
    """(path asked for, real path or "" when it was not there, folder) of a file opened for reading; None otherwise."""
    if (run := _EXEC.match(line)) is not None:
        path = _unescape(run[1])
        return (path, os.path.realpath(path), "") if path.startswith("/") else None
    found = _OPEN.match(line)
    if (
        found is None
        or b"O_WRONLY" in found[3]
        or b"O_PATH" in found[3]
        or found[5] not in (None, b"ENOENT")
    ):
        return None
    real = _unescape(found[4]) if found[4] is not None else ""
    if not real.startswith("/") and found[4] is not None:
        return None  # a pipe or a socket
    return _unescape(found[2]), real, _unescape(found[1] or b"")


def audit(session: Executor, code: int) -> int:
    """Trace every action that could run and judge its reads; 1 when one was not declared, else the build's code."""
    steps = [
        number
        for number, state in enumerate(session.plan.state)
        if state in (StepState.DONE, StepState.FAILED)
        and all(session.host.tools.find(name) for name in session.steps.actions[number].programs)
    ]
    faults = 0
    with ThreadPoolExecutor(session.request.jobs or os.cpu_count() or 1, "audit") as pool:
        tasks = [session.task(number) for number in steps]
        for task, found in zip(
            tasks, in_order(pool, lambda task: _traced(session, task), tasks), strict=True
        ):
            faults += len(found)
            for why in found:
                session.listen(
                    Judged(str(task.action.owner), f"audit: {task.action.title}", "failed", why)
                )
    if session.cancel.is_set():
        return INTERRUPTED
    if not faults:
        session.listen(
            Judged(
                " ".join(session.request.patterns),
                "audit",
                "passed",
                f"{plural(len(steps), 'action')} read only what they declare",
            )
        )
    return FAILED if faults else code


def _traced(session: Executor, task: Task) -> list[str]:
    worker = StraceRunner(session.host.store, session.host.scratch, "none", False, session.cancel)
    attempt = worker.attempt(task)
    session.host.store.drop(attempt.batch)
    if attempt.interrupted:
        return []
    return list(_undeclared(session.root, task.action, worker, failed=attempt.result is None))


def _undeclared(root: str, action: Action, worker: StraceRunner, failed: bool) -> Iterator[str]:
    """A sentence for each file that was read undeclared, or looked for by an action that failed without it."""
    mine = os.path.realpath(os.path.dirname(worker.job.temp))
    allowed = [
        *_AMBIENT,
        *SYSTEM,
        *SYSTEM_FILES,
        *worker.job.visible,
        *map(os.path.realpath, worker.job.visible),
        mine,
        os.path.dirname(worker.job.temp),
        *map(os.path.realpath, (*SYSTEM, *SYSTEM_FILES)),
    ]
    said = set()
    for asked, real, folder in worker.opened:
        if real and not _below(asked, allowed) and not _below(real, allowed):
            said.add(_sentence(root, action, real, "reads"))
        elif not real and failed and not asked.startswith("/"):
            name = os.path.relpath(
                os.path.realpath(os.path.join(folder, asked)), os.path.realpath(worker.job.stage)
            )
            if not name.startswith("..") and os.path.isfile(os.path.join(root, name)):
                said.add(
                    _sentence(root, action, os.path.join(os.path.realpath(root), name), "looks for")
                )
    yield from sorted(said)


def _sentence(root: str, action: Action, path: str, verb: str) -> str:
    at = f" ({action.at})" if action.at else ""
    top = os.path.realpath(root)
    if not _below(path, [top]):
        return f"{verb} {path}, which is no part of the workspace: copy it there and declare it{at}"
    name = os.path.relpath(path, top)
    if name.split(os.sep)[0] in ("out", ".buildgraph"):
        return f'{verb} {name}, an output: name the target that makes it, inputs = {{ made = "//package:name" }}{at}'
    folder = os.path.dirname(action.at.path) if action.at else ""
    if folder and not name.startswith(f"{folder}/"):
        return f"{verb} {name}, which is not declared: make a target of it in its package and name that one{at}"
    within = name[len(folder) + 1 :] if folder else name
    key = re.sub(r"[^A-Za-z0-9_-]", "_", os.path.splitext(os.path.basename(within))[0]) or "file"
    if os.path.isdir(path):
        return f"{verb} the folder {name}, which is not declared: collect it with the rule 'files' and name that{at}"
    return f"{verb} {name}, which is not declared: inputs = {{ {key} = {_quoted(within)} }}{at}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _below(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _unescape(text: bytes) -> str:
    def plain(found: re.Match[bytes]) -> bytes:
        word = found[1]
        return bytes([int(word, 8)]) if word.isdigit() else _PLAIN.get(word, word)

    return os.fsdecode(_ESCAPE.sub(plain, text))
