"""Worker pool: simple commands run in launcher processes, all others in threads.

At the sandbox levels without namespaces, simple commands are staged and collected in the poll loop
itself, because a thread would cost more than it gains. Tasks that need bubblewrap or a warm
interpreter, or that move many bytes, run in threads.
"""

from __future__ import annotations

import os
import select
import time

from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.queues import SimpleQueue
from ..sandbox import usage
from ..sandbox.job import Cancel, Outcome, classify_ending
from ..sandbox.job_encoding import encode_job
from ..sandbox.launcher import Launcher
from ..sandbox.output_buffer import OutputBuffer
from ..types.action import Output
from ..types.result import File
from .action_runner import StagedTask

if TYPE_CHECKING:
    from threading import Thread
    from typing import TypeAlias

    from .action_runner import ActionRunner, TaskOutcome
    from .task_job import Task

FinishedTask: TypeAlias = "tuple[Task, TaskOutcome | BaseException]"
INFINITE = float("inf")
_TICK_MS = 100
_HEAVY = 8 << 20  # bytes of inputs from which staging runs in a thread


class LauncherSlot:
    """A launcher and the task that it runs."""

    def __init__(self, confined: bool) -> None:
        self.launcher = Launcher(confined)
        self.staged: StagedTask | None = None
        self.log = OutputBuffer()
        self.started = 0.0
        self.why = "exit"  # the reason to report when the task ends

    def drain(self) -> None:
        """Read the rest of the log."""
        while data := self.launcher.read_output():
            self.log.add(data)


class WorkerPool:
    """Runs at most `jobs` tasks at a time.

    Only the thread that created the pool may call `start` and `wait`.
    """

    def __init__(self, runner: ActionRunner, jobs: int, cancel: Cancel) -> None:
        self._runner, self._cancel, self.jobs = runner, cancel, jobs
        self._slots: list[LauncherSlot] = []
        self._busy: dict[
            int, tuple[LauncherSlot, bool]
        ] = {}  # descriptor -> slot, is it that of the log
        self._poller = select.poll()
        self._done_inline: list[FinishedTask] = []
        self._threads: list[tuple[Thread, Task]] = []
        self._done_in_threads: SimpleQueue[FinishedTask] = SimpleQueue()
        self._wake = (-1, -1)
        self._kills = usage.count_oom_kills()

    @property
    def free(self) -> bool:
        """True if one more task may be started."""
        return self._running + len(self._done_inline) < self.jobs

    @property
    def _running(self) -> int:
        return len(self._threads) + sum(slot.staged is not None for slot in self._slots)

    def start(self, task: Task) -> None:
        """Start a task; `wait` returns its outcome."""
        slot = self._free_slot(task)
        if slot is None:
            self._start_thread(task)
            return
        try:
            staged = self._runner.begin(task)
        except Exception as error:
            self._done_inline.append((task, error))
            return
        slot.staged, slot.log, slot.started, slot.why = (
            staged,
            OutputBuffer(),
            time.monotonic(),
            "exit",
        )
        slot.launcher.start(encode_job(staged.job, self._runner.level == "landlock", os.getpid()))

    def wait(self, until: float = INFINITE) -> list[FinishedTask]:
        """The tasks that have ended: at least one if any runs, or none after `until`."""
        while not self._done_inline and self._running and time.monotonic() < until:
            ready = self._poller.poll(_TICK_MS)
            for fd, _ in ready:
                self._on_ready(fd)
            if not ready:
                self._check_threads()
            for slot in self._slots:
                if slot.staged is not None:
                    self._limit(slot, slot.staged)
        ended, self._done_inline = self._done_inline, []
        return ended

    def close(self) -> None:
        """End the launchers, and tasks that still run after a second signal."""
        for slot in self._slots:
            if slot.staged is not None:
                slot.launcher.end()
            slot.launcher.close()
        # A thread that has yet to wake this one must not write to a reused descriptor.
        if not self._threads:
            for fd in filter(lambda fd: fd >= 0, self._wake):
                os.close(fd)

    def _free_slot(self, task: Task) -> LauncherSlot | None:
        """A free launcher for a simple task.

        A launcher is forked only while there are no other threads.
        """
        if not self._runner.can_use_launcher(task) or _bytes(task) > _HEAVY:
            return None
        free = next((slot for slot in self._slots if slot.staged is None), None)
        if free is None and self._wake == (-1, -1):
            free = LauncherSlot(self._runner.level == "landlock")
            self._slots.append(free)
            for fd, is_log in ((free.launcher.replies, False), (free.launcher.log, True)):
                self._busy[fd] = free, is_log
                self._poller.register(fd, select.POLLIN)
        return free

    def _on_ready(self, fd: int) -> None:
        if fd == self._wake[0]:
            os.read(fd, 1 << 10)
            self._drain_threads()
            return
        slot, is_log = self._busy.get(fd, (None, False))
        if slot is None:
            return  # the descriptor of a launcher that was just lost
        if is_log:
            # One piece at a time: a task that writes without a pause must not delay the others.
            slot.log.add(slot.launcher.read_output())
        elif slot.staged is not None:
            self._done_inline.append(self._end(slot, slot.staged))
        else:
            self._lose(slot)

    def _drain_threads(self) -> None:
        """Collect outcomes and join their threads, which still write to the pipe."""
        while not self._done_in_threads.empty():
            task, outcome = self._done_in_threads.get()
            self._done_inline.append((task, outcome))
            for thread in [thread for thread, of in self._threads if of is task]:
                thread.join()
            self._threads = [(thread, of) for thread, of in self._threads if of is not task]

    def _check_threads(self) -> None:
        """Report threads that ended without an outcome: they had no memory to report one."""
        alive = {thread for thread, _ in self._threads if thread.is_alive()}
        self._drain_threads()
        self._done_inline += [
            (task, MemoryError()) for thread, task in self._threads if thread not in alive
        ]
        self._threads = [(thread, task) for thread, task in self._threads if thread in alive]

    def _end(self, slot: LauncherSlot, staged: StagedTask) -> FinishedTask:
        code, used, peak = slot.launcher.read_result()
        slot.drain()
        slot.staged = None
        if slot.launcher.lost:
            self._lose(slot)
        milliseconds = round((time.monotonic() - slot.started) * 1000)
        why = classify_ending(code, slot.why, self._killed)
        outcome = Outcome(code, why, slot.log.text(), self._runner.level, milliseconds, used, peak)
        try:
            return staged.task, self._runner.finish(staged, outcome)
        except Exception as error:
            return staged.task, error

    def _lose(self, slot: LauncherSlot) -> None:
        """Remove a launcher that was killed."""
        for fd in (slot.launcher.replies, slot.launcher.log):
            self._poller.unregister(fd)
            del self._busy[fd]
        self._slots.remove(slot)
        slot.launcher.close()

    def _killed(self) -> bool:
        before, self._kills = self._kills, usage.count_oom_kills()
        return self._kills > before

    def _limit(self, slot: LauncherSlot, staged: StagedTask) -> None:
        """Stop a task that was cancelled or takes too long.

        The signal is repeated until the task ends.
        """
        if slot.why == "exit":
            if self._cancel.is_set():
                slot.why = "interrupted"
            elif time.monotonic() > slot.started + staged.job.timeout:
                slot.why = "timeout"
        if slot.why != "exit":
            slot.launcher.stop()

    def _start_thread(self, task: Task) -> None:
        from threading import Thread

        if self._wake == (-1, -1):
            self._wake = os.pipe2(os.O_CLOEXEC)
            self._poller.register(self._wake[0], select.POLLIN)
        thread = Thread(target=self._attempt, args=(task,), name="action")
        self._threads.append((thread, task))  # before the start, in which a signal may arrive
        try:
            thread.start()
        except RuntimeError:  # the system allows no more threads
            self._threads.pop()
            raise

    def _attempt(self, task: Task) -> None:
        try:
            self._done_in_threads.put((task, self._runner.attempt(task)))
        except BaseException as error:
            with suppress(MemoryError):  # `_check_threads` then reports it
                self._done_in_threads.put((task, error))
        os.write(self._wake[1], b".")


def _bytes(task: Task) -> int:
    """The bytes to stage, as far as they are known without reading trees."""
    return sum(
        node.digest.size
        for _, artifact, node, _ in task.inputs
        if isinstance(node, File) or isinstance(artifact, Output)
    )
