"""Scheduler of a build: a pure state machine over numbered steps, without I/O and without a clock.

    WANT      a producer of the step is not done yet
    READY     all producers are done; the step may be started
    RUNNING   the step was started
    DONE      it succeeded, or its result was in the store
    FAILED    it failed
    SKIPPED   it will not run: a producer failed or was skipped, or the build stops

    WANT -> READY -> RUNNING -> DONE | FAILED        WANT, READY -> SKIPPED

Each step is in exactly one state. Every change goes through `_move`, which keeps the counts.
"""

from __future__ import annotations

import heapq

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class StepState:
    """States of a step, as integers: importing `enum` takes 3.6 ms."""

    WANT, READY, RUNNING, DONE, FAILED, SKIPPED = range(6)
    ALL = range(6)


class Scheduler:
    """Schedules steps 0..n-1; `needs[i]` are the steps that must be DONE before i.

    The ready step with the longest remaining chain runs first (critical path rule). `costs` are
    relative expected durations, 1 each by default. AssertionError if needs form a cycle.
    """

    def __init__(
        self, needs: Sequence[Sequence[int]], costs: Sequence[float] | None = None
    ) -> None:
        self.state = [StepState.WANT] * len(needs)
        self.counts = dict.fromkeys(StepState.ALL, 0) | {StepState.WANT: len(needs)}
        self._users: list[list[int]] = [[] for _ in needs]
        self._unmet = [len(set(need)) for need in needs]
        for step, need in enumerate(needs):
            for other in set(need):
                self._users[other].append(step)
        self._weight = _critical_path(needs, self._users, costs or [1.0] * len(needs))
        self._ready: list[tuple[float, int]] = []
        for step, unmet in enumerate(self._unmet):
            if not unmet:
                self._make_ready(step)

    def next(self) -> int | None:
        """Start the ready step with the longest remaining chain; None if no step is ready."""
        while self._ready:
            step = heapq.heappop(self._ready)[1]
            if self.state[step] == StepState.READY:
                self._move(step, StepState.RUNNING)
                return step
        return None

    def done(self, step: int) -> None:
        """Mark a running step as done. Steps that waited for it alone become ready."""
        assert self.state[step] == StepState.RUNNING, f"step {step} was not running"
        self._move(step, StepState.DONE)
        for user in self._users[step]:
            self._unmet[user] -= 1
            if not self._unmet[user] and self.state[user] == StepState.WANT:
                self._make_ready(user)

    def fail(self, step: int) -> list[int]:
        """Mark a running step as failed.

        The steps that are skipped because of it, nearest first.
        """
        assert self.state[step] == StepState.RUNNING, f"step {step} was not running"
        self._move(step, StepState.FAILED)
        skipped, front = [], [step]
        while front:
            for user in self._users[front.pop()]:
                if self.state[user] == StepState.WANT:
                    self._move(user, StepState.SKIPPED)
                    skipped.append(user)
                    front.append(user)
        return skipped

    def stop(self) -> None:
        """Skip every step that is not running yet."""
        for step, state in enumerate(self.state):
            if state in (StepState.WANT, StepState.READY):
                self._move(step, StepState.SKIPPED)

    @property
    def critical_path_ms(self) -> tuple[int, ...]:
        """For each step the expected ms of the longest chain that begins with it."""
        return tuple(map(round, self._weight))

    @property
    def finished(self) -> bool:
        """True if no step can change its state any more."""
        return not (
            self.counts[StepState.WANT]
            or self.counts[StepState.READY]
            or self.counts[StepState.RUNNING]
        )

    def _make_ready(self, step: int) -> None:
        self._move(step, StepState.READY)
        heapq.heappush(self._ready, (-self._weight[step], step))

    def _move(self, step: int, state: int) -> None:
        self.counts[self.state[step]] -= 1
        self.counts[state] += 1
        self.state[step] = state


def _critical_path(
    needs: Sequence[Sequence[int]], users: Sequence[Sequence[int]], costs: Sequence[float]
) -> list[float]:
    weight = list(costs)
    left = [len(of) for of in users]
    front = [step for step, count in enumerate(left) if not count]
    seen = 0
    while front:
        step = front.pop()
        seen += 1
        for other in set(needs[step]):
            weight[other] = max(weight[other], costs[other] + weight[step])
            left[other] -= 1
            if not left[other]:
                front.append(other)
    assert seen == len(needs), "the steps depend on each other in a cycle"
    return weight
