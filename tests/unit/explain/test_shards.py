"""Division of work among CI jobs, by hand and on generated builds."""

from __future__ import annotations

import random

import pytest

from buildgraph.explain.affected_actions import ActionForecast
from buildgraph.explain.predict import Outcome, PredictedAction
from buildgraph.explain.shards import Job, Unit, divide, lower_bound, makespan, units_of
from buildgraph.types.action import Action
from buildgraph.types.label import Label

_BUILDS = 100
_WITHIN = 1.15  # of the lower bound


def _label(name: str) -> Label:
    return Label("", name)


def _unit(name: str, milliseconds: int, *needs: str) -> Unit:
    return Unit(_label(name), milliseconds, tuple(map(_label, needs)))


def _names(job: Job) -> list[str]:
    return [label.name for label in job.labels]


def _generated(seed: int) -> tuple[list[Unit], int]:
    """Return models, coalitions of some of them, and exports of these, with a number of jobs."""
    dice = random.Random(seed)
    units = [_unit(f"model{n}", dice.randint(500, 20_000)) for n in range(dice.randint(1, 30))]
    models = [unit.label.name for unit in units]
    for number in range(dice.randint(1, 20)):
        needs = sorted(dice.sample(models, min(len(models), dice.randint(1, 4))))
        units.append(_unit(f"coalition{number}", dice.randint(0, 8_000), *needs))
        units += [
            _unit(f"export{number}.{board}", dice.randint(1_000, 9_000), f"coalition{number}")
            for board in range(dice.randint(1, 12))
        ]
    return units, dice.choice((2, 3, 4, 6, 8, 12, 16, 32))


def _check(units: list[Unit], jobs: tuple[Job, ...]) -> None:
    """Check that each label is in one job, after all that it needs or together with it."""
    place = {label: job for job in jobs for label in job.labels}
    assert sorted(place) == sorted(unit.label for unit in units)
    assert sum(len(job.labels) for job in jobs) == len(units)
    assert sum(job.milliseconds for job in jobs) == sum(unit.milliseconds for unit in units)
    for unit in units:
        for need in unit.needs:
            assert place[need] == place[unit.label] or place[need].stage < place[unit.label].stage


@pytest.mark.parametrize("stages", [1, 3])
def test_generated_builds_take_little_longer_than_the_lower_bound(stages: int) -> None:
    ratios = []
    for seed in range(_BUILDS):
        units, count = _generated(seed)
        jobs = divide(units, count, stages)
        _check(units, jobs)
        assert all(sum(job.stage == stage for job in jobs) <= count for stage in range(1, 4))
        ratios.append(makespan(jobs) / lower_bound(units, count, stages))
        assert ratios[-1] >= 1
    ratios.sort()
    print(f"{stages} stages: median {ratios[_BUILDS // 2]:.3f}, largest {ratios[-1]:.3f}")
    # With several stages, jobs also wait for the end of a stage, which the bound does not count.
    assert (ratios[-1] if stages == 1 else ratios[_BUILDS // 2]) <= _WITHIN


def test_a_stage_more_never_takes_longer() -> None:
    for seed in range(20):
        units, count = _generated(seed)
        spans = [makespan(divide(units, count, stages)) for stages in (1, 2, 3)]
        assert spans == sorted(spans, reverse=True)


def test_targets_that_share_work_are_in_one_job_or_in_a_later_stage() -> None:
    units = [_unit("shared", 1000), _unit("a", 5000, "shared"), _unit("b", 5000, "shared")]
    one = divide(units, 2)
    assert [_names(job) for job in one] == [["a", "b", "shared"]]
    two = divide(units, 2, 2)
    assert [(job.stage, _names(job)) for job in two] == [(1, ["shared"]), (2, ["a"]), (2, ["b"])]
    assert (makespan(one), makespan(two)) == (11_000, 6_000)


def test_nothing_to_do_is_one_job_that_does_nothing_in_each_stage() -> None:
    jobs = divide([], 4, 2)
    assert [(job.stage, job.is_noop) for job in jobs] == [(1, True), (2, True)]
    assert makespan(jobs) == 0


def test_the_lower_bound_of_more_pieces_than_jobs() -> None:
    units = [_unit(name, 10) for name in "abc"]
    assert lower_bound(units, 2, 1) == 20 == makespan(divide(units, 2))
    assert lower_bound(units, 4, 1) == 10


def _forecast(*rows: tuple[str, Outcome, str, int | None, tuple[int, ...]]) -> ActionForecast:
    actions = [
        PredictedAction(Action((name,), (), (), owner=_label(name)), 1, outcome, key)
        for name, outcome, key, _, _ in rows
    ]
    requested: dict[Label, tuple[int, ...]] = {}
    for number, (name, *_) in enumerate(rows):
        requested[_label(name)] = (*requested.get(_label(name), ()), number)
    return ActionForecast(
        tuple(actions), tuple(row[3] for row in rows), tuple(row[4] for row in rows), requested
    )


def test_equal_actions_count_once_and_hits_count_nothing() -> None:
    forecast = _forecast(
        ("a", "run", "k1", 100, ()),
        ("b", "shared", "k1", None, ()),
        ("b", "may run", "k2", 40, (1,)),
        ("c", "hit", "k3", None, ()),
        ("d", "run", "k4", None, ()),
    )
    order = [_label(name) for name in "abcd"]
    units = {unit.label.name: unit for unit in units_of(forecast, order)}
    assert {name: unit.milliseconds for name, unit in units.items()} == {
        "a": 100,
        "b": 40,
        "c": 0,
        "d": 70,  # the mean of the durations that are known
    }
    assert units["b"].needs == (_label("a"),) and units["c"].needs == ()
