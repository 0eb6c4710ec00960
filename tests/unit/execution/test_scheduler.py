"""The order in which the plan runs steps."""

from __future__ import annotations

from buildgraph.execution.scheduler import Scheduler


def test_the_longest_chain_goes_first() -> None:
    needs = [[], [], [1], [2]]  # 0 alone; 1 -> 2 -> 3
    assert Scheduler(needs).next() == 1
    assert Scheduler(needs, [10.0, 1.0, 1.0, 1.0]).next() == 0
