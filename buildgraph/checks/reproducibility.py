"""`build --check`: what was built is made again in a varied environment and must come out equal to the byte.

Varied are what no action may notice: umask, time zone, language (another UTF-8 one, where one is installed), the
number of CPUs (one), the order in which inputs are made, the path of the folder where the sandbox shows it, the hash
seed of Python (builds fix it at 0, which hides that an output hangs on the order of a set), and the time itself (it is
later; days later where faketime is installed).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import count
from typing import TypeVar

from ..execution.action_runner import FIXED, ActionRunner, Task, TaskOutcome
from ..execution.executor import Executor
from ..explain.content_diff import diff_contents, first_difference
from ..keys.merkle_walk import walk_tree
from ..sandbox.job import Job, Outcome
from ..store.batch import DiskBatch
from ..types.action import Action
from ..types.digest import Digest
from ..types.errors import BROKEN, INTERRUPTED
from ..types.events import Judged
from ..types.result import File, Node, Result
from ..ui.format import last_lines, plural

_UMASK = ("/bin/sh", "-c", 'umask 077; exec "$@"', "sh")
_LANGUAGES = ("tr_TR.utf8", "de_DE.utf8", "en_US.utf8")
_LARGE = 256 << 20
_TICK_S = 0.1
T = TypeVar("T")


class VariedRunner(ActionRunner):
    """A worker that varies what no action may notice."""

    def attempt(self, task: Task) -> TaskOutcome:
        """Run a task with its inputs made in the other order."""
        return super().attempt(replace(task, inputs=tuple(reversed(task.inputs))))

    def run(self, job: Job) -> Outcome:
        """Run a job in the varied environment; what an action sets itself stays."""
        fixed = dict(FIXED)
        env = {
            name: vary_environment.get(name, value) if value == fixed.get(name) else value
            for name, value in job.env
        }
        first = job.argv[0] if "/" in job.argv[0] else f"./{job.argv[0]}"
        argv = (*_UMASK, *later_time(), first, *job.argv[1:])
        return super().run(replace(job, argv=argv, env=tuple(sorted(env.items()))))


def _language() -> dict[str, str]:
    found = [name for name in _LANGUAGES if os.path.isdir(f"/usr/lib/locale/{name}")]
    return {"LANG": found[0]} if found else {}


vary_environment = {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "4711", **_language()}


def later_time() -> tuple[str, ...]:
    """The words that put a command 400 days ahead, where the host has faketime."""
    found = shutil.which("faketime", path="/usr/bin:/bin")
    return (found, "-f", "+400d") if found else ()


def checker(most: int) -> Callable[[Executor, int], int]:
    """What looks at a build after it is done: `most` of its actions (0: all) are run again.

    Chosen are those with the lowest keys: always the same of one build, others as soon as inputs change.
    """
    return lambda session, code: check(session, code, most)


def check(session: Executor, code: int, most: int = 0) -> int:
    """Run actions of a finished build again and judge them; 3 when one came out different, else the build's code."""
    chosen = _chosen(session, most)
    scratch = os.path.join(session.host.scratch, "made again \u00fc")
    os.makedirs(scratch, exist_ok=True)
    worker = VariedRunner(session.host.store, scratch, session.level, False, session.cancel)
    broken = 0
    with _pool(session) as pool:
        tasks = [session.task(session.steps.number[action]) for action in chosen]
        for action, why in zip(
            chosen, in_order(pool, lambda task: _judge(session, worker, task), tasks), strict=True
        ):
            if why:
                broken += 1
                session.listen(
                    Judged(str(action.owner), f"made again: {action.title}", "failed", why)
                )
    if session.cancel.is_set():
        return INTERRUPTED
    what = " ".join(session.request.patterns)
    if not broken:
        session.listen(
            Judged(what, "made again", "passed", f"{plural(len(chosen), 'action')} came out equal")
        )
    return BROKEN if broken else code


def _chosen(session: Executor, most: int) -> list[Action]:
    by_key = {session.keys[action]: action for action in reversed(session.results)}
    keys = sorted(by_key)
    return sorted(
        (by_key[key] for key in (keys[:most] if most else keys)),
        key=session.steps.number.__getitem__,
    )


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Task], T], tasks: Sequence[Task]
) -> Iterator[T]:
    """What comes of each task. Like `map` of the pool, but a signal that comes just before a long wait is heard in it."""
    futures = [pool.submit(work, task) for task in tasks]
    try:
        for future in futures:
            while not wait([future], _TICK_S).done:
                pass
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _pool(session: Executor) -> ThreadPoolExecutor:
    """Threads that use one CPU each: what they start inherits that."""
    cpus, turn = sorted(os.sched_getaffinity(0)), count()
    jobs = session.request.jobs or len(cpus)
    return ThreadPoolExecutor(
        jobs, "again", lambda: os.sched_setaffinity(0, {cpus[next(turn) % len(cpus)]})
    )


def _judge(session: Executor, worker: ActionRunner, task: Task) -> str:
    """Run a task again: how it came out different, or an empty string."""
    attempt = worker.attempt(task)
    before = session.results[task.action]
    if attempt.interrupted:
        return ""
    if attempt.result is None:
        last = last_lines(attempt.log, 1)[-1:]
        return ": ".join([f"it succeeded, and failed when run again: {attempt.why}", *last])
    assert isinstance(attempt.batch, DiskBatch)
    try:
        return diff_results(before, attempt.result, session.host.store.read, attempt.batch.read)
    finally:
        session.host.store.drop(attempt.batch)


def diff_results(
    before: Result,
    after: Result,
    read: Callable[[Digest], bytes],
    read_after: Callable[[Digest], bytes],
) -> str:
    """The first difference of the outputs of two results, or an empty string; logs may differ."""
    if before.outputs == after.outputs:
        return ""
    old = {
        path: held for output, node in before.outputs for path, held in _files(output, node, read)
    }
    new = {
        path: held
        for output, node in after.outputs
        for path, held in _files(output, node, read_after)
    }
    return diff_contents(old, new, lambda path: _differ(old[path], new[path], read, read_after))


def _files(
    path: str, node: Node, read: Callable[[Digest], bytes]
) -> Iterator[tuple[str, File | str]]:
    if isinstance(node, File):
        yield path, node
        return
    for folder_path, _, folder in walk_tree(node.digest, read):
        if folder_path:
            yield f"{path}{folder_path}/", ""
        for name, digest, executable in folder.files:
            yield f"{path}{folder_path}/{name}", File(digest, executable)
        for name, target in folder.symlinks:
            yield f"{path}{folder_path}/{name}", target


def _differ(
    old: File | str,
    new: File | str,
    read: Callable[[Digest], bytes],
    read_after: Callable[[Digest], bytes],
) -> str:
    if isinstance(old, str) or isinstance(new, str):
        return f"{old if isinstance(old, str) else 'a file'} -> {new if isinstance(new, str) else 'a file'}"
    if old.digest == new.digest:
        return f"executable: {old.executable} -> {new.executable}"
    if max(old.digest.size, new.digest.size) > _LARGE:
        return f"{old.digest.oci} -> {new.digest.oci}"
    return first_difference(read(old.digest), read_after(new.digest))
