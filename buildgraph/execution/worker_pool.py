"""Those that run tasks side by side: launchers for plain commands, followed by one poll, and threads for all others.

A plain command on the rungs without namespaces is staged and collected here, between two looks at what has ended: for
such commands a thread would cost more than it gains. What needs bubblewrap or a warm interpreter, or moves many bytes,
is run by a thread.
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

    from .action_runner import ActionRunner, Task, TaskOutcome

FinishedTask: TypeAlias = "tuple[Task, TaskOutcome | BaseException]"
INFINITE = float("inf")
_TICK_MS = 100
_HEAVY = 8 << 20  # bytes of inputs, from which on staging belongs into a thread


class _Hand:
    """A launcher and what it runs."""

    def __init__(self) -> None:
        self.launcher = Launcher()
        self.begun: StagedTask | None = None
        self.log = OutputBuffer()
        self.since = 0.0
        self.why = "exit"  # why it will have ended, when its end is seen

    def drain(self) -> None:
        """Take what stands in the log."""
        while data := self.launcher.read_output():
            self.log.add(data)


class WorkerPool:
    """Runs at most `jobs` tasks at a time; `start` and `wait` are for one thread, the one that made it."""

    def __init__(self, worker: ActionRunner, jobs: int, cancel: Cancel) -> None:
        self._worker, self._cancel, self.jobs = worker, cancel, jobs
        self._hands: list[_Hand] = []
        self._busy: dict[
            int, tuple[_Hand, bool]
        ] = {}  # descriptor of replies or of the log -> hand, is it the log
        self._poller = select.poll()
        self._here: list[FinishedTask] = []
        self._threads: list[tuple[Thread, Task]] = []
        self._elsewhere: SimpleQueue[FinishedTask] = SimpleQueue()
        self._wake = (-1, -1)
        self._kills = usage.count_oom_kills()

    @property
    def free(self) -> bool:
        """Whether one more task may be started."""
        return self._running + len(self._here) < self.jobs

    @property
    def _running(self) -> int:
        return len(self._threads) + sum(hand.begun is not None for hand in self._hands)

    def start(self, task: Task) -> None:
        """Begin a task, whose end `wait` will tell."""
        hand = self._hand(task)
        if hand is None:
            self._hand_off(task)
            return
        try:
            begun = self._worker.begin(task)
        except Exception as fault:
            self._here.append((task, fault))
            return
        hand.begun, hand.log, hand.since, hand.why = begun, OutputBuffer(), time.monotonic(), "exit"
        hand.launcher.start(encode_job(begun.job, self._worker.level == "landlock", os.getpid()))

    def wait(self, until: float = INFINITE) -> list[FinishedTask]:
        """What has ended: at least one task, when any was started, or nothing when it is later than `until`."""
        while not self._here and self._running and time.monotonic() < until:
            ready = self._poller.poll(_TICK_MS)
            for fd, _ in ready:
                self._look(fd)
            if not ready:
                self._look_after_threads()
            for hand in self._hands:
                if hand.begun is not None:
                    self._limit(hand, hand.begun)
        ended, self._here = self._here, []
        return ended

    def close(self) -> None:
        """End the launchers, and what they run when a second signal cut the wait for it short."""
        for hand in self._hands:
            if hand.begun is not None:
                hand.launcher.end()
            hand.launcher.close()
        if not self._threads:  # one that is still to wake this one must not write into a file that got the number since
            for fd in filter(lambda fd: fd >= 0, self._wake):
                os.close(fd)

    def _hand(self, task: Task) -> _Hand | None:
        """A free launcher for a task that is for one; a fork is made only while there are no other threads."""
        if not self._worker.light(task) or _bytes(task) > _HEAVY:
            return None
        free = next((hand for hand in self._hands if hand.begun is None), None)
        if free is None and self._wake == (-1, -1):
            free = _Hand()
            self._hands.append(free)
            for fd, is_log in ((free.launcher.replies, False), (free.launcher.log, True)):
                self._busy[fd] = free, is_log
                self._poller.register(fd, select.POLLIN)
        return free

    def _look(self, fd: int) -> None:
        if fd == self._wake[0]:
            os.read(fd, 1 << 10)
            self._gather()
            return
        hand, is_log = self._busy.get(fd, (None, False))
        if hand is None:
            return  # of a launcher that was lost a moment ago
        if is_log:
            hand.log.add(
                hand.launcher.read_output()
            )  # no more at a time: who writes all the time must not keep the others waiting
        elif hand.begun is not None:
            self._here.append(self._end(hand, hand.begun))
        else:
            self._lose(hand)

    def _gather(self) -> None:
        """What threads told. Each is waited for: after its word it still wakes this one, by a pipe that `close` closes."""
        while not self._elsewhere.empty():
            task, found = self._elsewhere.get()
            self._here.append((task, found))
            for thread in [thread for thread, of in self._threads if of is task]:
                thread.join()
            self._threads = [(thread, of) for thread, of in self._threads if of is not task]

    def _look_after_threads(self) -> None:
        """A thread that is gone without a word had no memory for one."""
        alive = {thread for thread, _ in self._threads if thread.is_alive()}
        self._gather()
        self._here += [
            (task, MemoryError()) for thread, task in self._threads if thread not in alive
        ]
        self._threads = [(thread, task) for thread, task in self._threads if thread in alive]

    def _end(self, hand: _Hand, begun: StagedTask) -> FinishedTask:
        code, used, peak = hand.launcher.read_result()
        hand.drain()
        hand.begun = None
        if hand.launcher.lost:
            self._lose(hand)
        took = round((time.monotonic() - hand.since) * 1000)
        why = classify_ending(code, hand.why, self._killed)
        outcome = Outcome(code, why, hand.log.text(), self._worker.level, took, used, peak)
        try:
            return begun.task, self._worker.finish(begun, outcome)
        except Exception as fault:
            return begun.task, fault

    def _lose(self, hand: _Hand) -> None:
        """Do without a launcher that was killed."""
        for fd in (hand.launcher.replies, hand.launcher.log):
            self._poller.unregister(fd)
            del self._busy[fd]
        self._hands.remove(hand)
        hand.launcher.close()

    def _killed(self) -> bool:
        before, self._kills = self._kills, usage.count_oom_kills()
        return self._kills > before

    def _limit(self, hand: _Hand, begun: StagedTask) -> None:
        """End what was told to stop, or takes too long; it is told again until it ends."""
        if hand.why == "exit":
            if self._cancel.is_set():
                hand.why = "interrupted"
            elif time.monotonic() > hand.since + begun.job.timeout:
                hand.why = "timeout"
        if hand.why != "exit":
            hand.launcher.stop()

    def _hand_off(self, task: Task) -> None:
        from threading import Thread

        if self._wake == (-1, -1):
            self._wake = os.pipe2(os.O_CLOEXEC)
            self._poller.register(self._wake[0], select.POLLIN)
        thread = Thread(target=self._attempt, args=(task,), name="action")
        self._threads.append((thread, task))  # before: a signal may end the wait for its start
        try:
            thread.start()
        except RuntimeError:  # the system allows no more
            self._threads.pop()
            raise

    def _attempt(self, task: Task) -> None:
        try:
            self._elsewhere.put((task, self._worker.attempt(task)))
        except BaseException as fault:
            with suppress(MemoryError):  # `_look_after_threads` then tells
                self._elsewhere.put((task, fault))
        os.write(self._wake[1], b".")


def _bytes(task: Task) -> int:
    """How much there is to stage, as far as that can be told without a look into trees."""
    return sum(
        node.digest.size
        for _, artifact, node, _ in task.inputs
        if isinstance(node, File) or isinstance(artifact, Output)
    )
