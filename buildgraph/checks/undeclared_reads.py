"""`build --audit`: run the actions of a build under strace and report undeclared files.

A sandbox hides undeclared files, and the command then fails without naming them. The audit runs
without a sandbox, so the command reads them; each is reported with the TOML line that declares it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ..execution.action_runner import ActionRunner
from ..execution.executor import Executor
from ..execution.scheduler import StepState
from ..execution.task_job import Task
from ..sandbox.job import Job
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
_CONTROL = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"}
# The C library asks for these on every machine. No sandbox shows them; no output depends on them.
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
    # Compilers read these to detect the distribution.
    "/etc/debian_version",
    "/etc/os-release",
    "/etc/lsb-release",
    "/etc/redhat-release",
    "/etc/SuSE-release",
)


def require_strace() -> None:
    """Raise BuildError if the host has no strace."""
    if shutil.which("strace") is None:
        raise BuildError(
            "--audit needs strace, which is not installed",
            None,
            "install the package strace",
            "environment",
        )


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that a process opened for reading, or tried to open.

    `asked` is the path as the process wrote it, `real` the resolved path ('' if there is no such
    file), `folder` the folder that a relative path starts from ('' if unknown).
    """

    asked: str
    real: str
    folder: str


def parse_strace_line(line: bytes) -> OpenedFile | None:
    """Parse a line that strace wrote; None unless it opens a file for reading or executes one."""
    if (execution := _EXEC.match(line)) is not None:
        path = _unescape(execution[1])
        return OpenedFile(path, os.path.realpath(path), "") if path.startswith("/") else None
    match = _OPEN.match(line)
    if match is None:
        return None
    folder, asked, flags, real_path, error = match.groups()
    if b"O_WRONLY" in flags or b"O_PATH" in flags or error not in (None, b"ENOENT"):
        return None
    real = _unescape(real_path) if real_path is not None else ""
    if real_path is not None and not real.startswith("/"):
        return None  # a pipe or a socket
    return OpenedFile(_unescape(asked), real, _unescape(folder or b""))


def audit(executor: Executor, code: int) -> int:
    """Run every action that could run under strace and check what it reads.

    Returns 1 when an action read an undeclared file, else `code`, the exit code of the build.
    """
    numbers = [
        number
        for number, state in enumerate(executor.plan.state)
        if state in (StepState.DONE, StepState.FAILED)
        and all(executor.host.tools.find(name) for name in executor.steps.actions[number].programs)
    ]
    violations = 0
    with ThreadPoolExecutor(executor.request.jobs or os.cpu_count() or 1, "audit") as pool:
        tasks = [executor.task(number) for number in numbers]
        reports = in_order(pool, lambda task: _audit_task(executor, task), tasks)
        for task, report in zip(tasks, reports, strict=True):
            violations += len(report)
            for why in report:
                event = Judged(str(task.action.owner), f"audit: {task.action.title}", "failed", why)
                executor.listen(event)
    if executor.cancel.is_set():
        return INTERRUPTED
    if violations:
        return FAILED
    summary = f"{plural(len(numbers), 'action')} read only declared files"
    executor.listen(Judged(" ".join(executor.request.patterns), "audit", "passed", summary))
    return code


def _audit_task(executor: Executor, task: Task) -> list[str]:
    """Run a task under strace; return a sentence for each undeclared file."""
    host = executor.host
    runner = ActionRunner(host.store, host.scratch, "none", False, executor.cancel)
    staged = runner.begin(task)
    try:
        notes = os.path.join(os.path.dirname(staged.job.temp), "notes")
        os.mkdir(notes)
        ended = runner.run(_under_strace(staged.job, notes))
        opened_files = _read_notes(notes)  # before `finish` empties the folder
    except BaseException as error:
        runner.abandon(staged, error)
        raise
    outcome = runner.finish(staged, ended)
    host.store.drop(outcome.batch)
    if outcome.interrupted:
        return []
    has_failed = outcome.result is None
    return describe_undeclared(executor.root, task.action, staged.job, opened_files, has_failed)


def _under_strace(job: Job, notes: str) -> Job:
    """Return the job under strace, which writes a file into `notes` for each process."""
    strace = shutil.which("strace")
    assert strace is not None, "require_strace was not called"
    options = ("-ff", "-qq", "-y", "-s", "4096", "--seccomp-bpf", "-e", f"trace={_CALLS}")
    output = ("-o", os.path.join(notes, "process"))
    return replace(job, argv=(strace, *options, *output, "--", *job.words))


def _read_notes(notes: str) -> list[OpenedFile]:
    opened_files: list[OpenedFile] = []
    for name in sorted(os.listdir(notes)):
        with open(os.path.join(notes, name), "rb") as file:
            for line in file:
                opened_file = parse_strace_line(line.rstrip(b"\n"))
                if opened_file is not None:
                    opened_files.append(opened_file)
    return opened_files


def describe_undeclared(
    root: str, action: Action, job: Job, opened_files: Sequence[OpenedFile], has_failed: bool
) -> list[str]:
    """Return a sentence for each file that was read undeclared, sorted.

    If the action failed, files of the workspace that it looked for in its working folder count,
    too.
    """
    folder = os.path.dirname(job.temp)
    shown = (*SYSTEM, *SYSTEM_FILES, *job.visible, folder)
    allowed = [*_AMBIENT, *shown, *map(os.path.realpath, shown)]
    sentences = set()
    for file in opened_files:
        if file.real:
            if not _is_below(file.asked, allowed) and not _is_below(file.real, allowed):
                sentences.add(_describe_file(root, action, file.real, "reads"))
        elif has_failed and not file.asked.startswith("/"):
            path = os.path.realpath(os.path.join(file.folder, file.asked))
            name = os.path.relpath(path, os.path.realpath(job.stage))
            if not name.startswith("..") and os.path.isfile(os.path.join(root, name)):
                path = os.path.join(os.path.realpath(root), name)
                sentences.add(_describe_file(root, action, path, "looks for"))
    return sorted(sentences)


def _describe_file(root: str, action: Action, path: str, verb: str) -> str:
    """Describe a file that an action used undeclared, and the line of TOML that declares it."""
    at = f" ({action.at})" if action.at else ""
    top = os.path.realpath(root)
    if not _is_below(path, [top]):
        return f"{verb} {path}, which is outside the workspace: copy it there and declare it{at}"
    name = os.path.relpath(path, top)
    if name.split(os.sep)[0] in ("out", ".buildgraph"):
        declaration = 'inputs = { name = "//package:name" }'
        return f"{verb} {name}, an output: declare the target that makes it, {declaration}{at}"
    folder = os.path.dirname(action.at.path) if action.at else ""
    if folder and not name.startswith(f"{folder}/"):
        advice = "define a target for it in its package and name that target"
        return f"{verb} {name}, which is not declared: {advice}{at}"
    if os.path.isdir(path):
        advice = "collect it with the rule 'files' and name that target"
        return f"{verb} the folder {name}, which is not declared: {advice}{at}"
    within = name[len(folder) + 1 :] if folder else name
    key = re.sub(r"[^A-Za-z0-9_-]", "_", os.path.splitext(os.path.basename(within))[0]) or "file"
    return f"{verb} {name}, which is not declared: inputs = {{ {key} = {_quoted(within)} }}{at}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_below(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _unescape(text: bytes) -> str:
    def decode(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8)]) if code.isdigit() else _CONTROL.get(code, code)

    return os.fsdecode(_ESCAPE.sub(decode, text))
