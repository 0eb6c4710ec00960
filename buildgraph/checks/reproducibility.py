"""`build --check`: run the actions of a finished build again and compare their outputs.

The second run varies what must not influence an output:

* umask, time zone, and language (another UTF-8 locale, if one is installed);
* the number of CPUs (one) and the order in which inputs are created;
* the path of the working folder, where the sandbox shows it;
* the hash seed of Python (builds fix it at 0, so a dependence on the order of a set is hidden);
* the time: 400 days later if faketime is installed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import count
from typing import TypeVar

from ..execution.action_runner import ActionRunner
from ..execution.executor import Executor
from ..execution.task_job import FIXED, Task
from ..explain.content_diff import diff_contents, first_difference
from ..explain.diff import list_entries
from ..sandbox.job import Job
from ..store.batch import DiskBatch
from ..types.action import Action
from ..types.digest import Digest
from ..types.errors import BROKEN, INTERRUPTED
from ..types.events import Judged
from ..types.result import File, Result
from ..ui.format import last_lines, plural

_UMASK = ("/bin/sh", "-c", 'umask 077; exec "$@"', "sh")
_LANGUAGES = ("tr_TR.utf8", "de_DE.utf8", "en_US.utf8")
_LARGE = 256 << 20  # bytes; of larger files only the digests are shown
_TICK_S = 0.1
T = TypeVar("T")


def _other_language() -> dict[str, str]:
    for name in _LANGUAGES:
        if os.path.isdir(f"/usr/lib/locale/{name}"):
            return {"LANG": name}
    return {}


VARIED_ENVIRONMENT = {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "4711", **_other_language()}


def vary_job(job: Job) -> Job:
    """Return the job with another environment, umask and time; variables of the action stay."""
    fixed = dict(FIXED)
    env = {
        name: VARIED_ENVIRONMENT.get(name, value) if value == fixed.get(name) else value
        for name, value in job.env
    }
    argv = (*_UMASK, *faketime_prefix(), *job.words)
    return replace(job, argv=argv, env=tuple(sorted(env.items())))


def faketime_prefix() -> tuple[str, ...]:
    """Return the words that run a command 400 days ahead; empty if the host has no faketime."""
    faketime = shutil.which("faketime", path="/usr/bin:/bin")
    return (faketime, "-f", "+400d") if faketime else ()


def checker(limit: int) -> Callable[[Executor, int], int]:
    """Return a function for `Request.after` that checks `limit` actions of the build (0: all)."""
    return lambda executor, code: check(executor, code, limit)


def check(executor: Executor, code: int, limit: int = 0) -> int:
    """Run actions of a finished build again and compare the outputs.

    With a `limit`, the actions with the lowest keys are checked: the same ones for the same build,
    others as soon as an input changes. Returns 3 when an output differs, else `code`, the exit code
    of the build.
    """
    actions = _select_actions(executor, limit)
    scratch = os.path.join(executor.host.scratch, "check \u00fc")
    os.makedirs(scratch, exist_ok=True)
    runner = ActionRunner(
        executor.host.store, scratch, executor.level, False, executor.cancel, wrap=vary_job
    )
    failures = 0
    with _one_cpu_pool(executor) as pool:
        tasks = [executor.task(executor.steps.number[action]) for action in actions]
        reasons = in_order(pool, lambda task: _run_again(executor, runner, task), tasks)
        for action, reason in zip(actions, reasons, strict=True):
            if reason:
                failures += 1
                event = Judged(str(action.owner), f"check: {action.title}", "failed", reason)
                executor.listen(event)
    if executor.cancel.is_set():
        return INTERRUPTED
    if failures:
        return BROKEN
    summary = f"{plural(len(actions), 'action')} produced the same outputs again"
    executor.listen(Judged(" ".join(executor.request.patterns), "check", "passed", summary))
    return code


def _select_actions(executor: Executor, limit: int) -> list[Action]:
    number, uncached = executor.steps.number, executor.evidence
    actions = [action for action in executor.results if number.get(action) not in uncached]
    by_key = {executor.keys[action]: action for action in reversed(actions)}
    keys = sorted(by_key)
    return sorted(
        (by_key[key] for key in (keys[:limit] if limit else keys)),
        key=executor.steps.number.__getitem__,
    )


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Task], T], tasks: Sequence[Task]
) -> Iterator[T]:
    """Yield the result of `work` for each task, in order; the first exception cancels the rest.

    Unlike `pool.map`, it wakes up every 0.1 s: a signal that arrives just before a long wait is
    handled during the wait and not after it.
    """
    futures = [pool.submit(work, task) for task in tasks]
    try:
        for future in futures:
            while not wait([future], _TICK_S).done:
                pass
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _one_cpu_pool(executor: Executor) -> ThreadPoolExecutor:
    """Return a pool of threads that run on one CPU each; their child processes inherit that."""
    cpus, turn = sorted(os.sched_getaffinity(0)), count()
    jobs = executor.request.jobs or len(cpus)
    return ThreadPoolExecutor(
        jobs, "check", lambda: os.sched_setaffinity(0, {cpus[next(turn) % len(cpus)]})
    )


def _run_again(executor: Executor, runner: ActionRunner, task: Task) -> str:
    """Run a task with its inputs created in reverse order; return the difference, or ''."""
    outcome = runner.attempt(replace(task, inputs=tuple(reversed(task.inputs))))
    if outcome.interrupted:
        return ""
    if outcome.result is None:
        last = last_lines(outcome.log, 1)[-1:]
        return ": ".join([f"it succeeded once, then failed: {outcome.why}", *last])
    assert isinstance(outcome.batch, DiskBatch)
    store = executor.host.store
    before = executor.results[task.action]
    try:
        return diff_results(before, outcome.result, store.read, outcome.batch.read)
    finally:
        store.drop(outcome.batch)


def diff_results(
    before: Result,
    after: Result,
    read: Callable[[Digest], bytes],
    read_after: Callable[[Digest], bytes],
) -> str:
    """Return the first difference of the outputs of two results, or ''; logs may differ."""
    if before.outputs == after.outputs:
        return ""
    old, new = (
        {
            path: entry
            for output, node in result.outputs
            for path, entry in list_entries(output, node, reader)
        }
        for result, reader in ((before, read), (after, read_after))
    )
    return diff_contents(
        old, new, lambda path: _diff_entries(old[path], new[path], read, read_after)
    )


def _diff_entries(
    old: File | str,
    new: File | str,
    read: Callable[[Digest], bytes],
    read_after: Callable[[Digest], bytes],
) -> str:
    """Describe how two entries differ; a string is the target of a symlink."""
    if isinstance(old, str) or isinstance(new, str):
        texts = (entry if isinstance(entry, str) else "a file" for entry in (old, new))
        return " -> ".join(texts)
    if old.digest == new.digest:
        return f"executable: {old.executable} -> {new.executable}"
    if max(old.digest.size, new.digest.size) > _LARGE:
        return f"{old.digest.oci} -> {new.digest.oci}"
    return first_difference(read(old.digest), read_after(new.digest))
