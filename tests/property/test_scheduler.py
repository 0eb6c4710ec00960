"""The plan under random graphs, failures and orders of completion."""

from __future__ import annotations

from hypothesis import given, strategies as st

from buildgraph.execution.scheduler import Scheduler, StepState


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """Needs of up to 25 steps; a step needs only earlier ones, then all are renumbered."""
    size = draw(st.integers(0, 25))
    needs = [
        draw(st.lists(st.integers(0, step - 1), max_size=4)) if step else [] for step in range(size)
    ]
    order = draw(st.permutations(range(size)))
    renumbered: list[list[int]] = [[] for _ in range(size)]
    for step, need in enumerate(needs):
        renumbered[order[step]] = [order[other] for other in need]
    return renumbered


@given(graphs(), st.data())
def test_every_step_runs_once_after_its_needs(needs: list[list[int]], data: st.DataObject) -> None:
    plan, running, done = Scheduler(needs), list[int](), set[int]()
    while not plan.finished:
        if (step := plan.next()) is not None:
            assert set(needs[step]) <= done
            running.append(step)
        if running and (step is None or data.draw(st.booleans())):
            ended = running.pop(data.draw(st.integers(0, len(running) - 1)))
            plan.done(ended)
            done.add(ended)
    assert done == set(range(len(needs)))
    assert plan.counts[StepState.DONE] == len(needs)


@given(graphs(), st.data())
def test_a_failure_skips_all_that_need_it_and_nothing_else(
    needs: list[list[int]], data: st.DataObject
) -> None:
    broken = data.draw(st.sets(st.integers(0, max(0, len(needs) - 1)), max_size=3))
    plan = Scheduler(needs)
    while not plan.finished:
        step = plan.next()
        assert step is not None
        plan.fail(step) if step in broken else plan.done(step)
    doomed: set[int] = set()
    for _ in needs:
        doomed |= {step for step, need in enumerate(needs) if set(need) & (doomed | broken)}
    states = [
        StepState.SKIPPED
        if step in doomed
        else StepState.FAILED
        if step in broken
        else StepState.DONE
        for step in range(len(needs))
    ]
    assert plan.state == states


@given(graphs())
def test_the_counts_are_those_of_the_states(needs: list[list[int]]) -> None:
    plan = Scheduler(needs)
    plan.next()
    plan.stop()
    assert plan.counts == {state: plan.state.count(state) for state in StepState.ALL}
    assert not plan.counts[StepState.READY] and not plan.counts[StepState.WANT]
