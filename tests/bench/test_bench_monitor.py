"""Nominal steps raise no more alarms than stated, and every failure is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.bench.bench_monitor import ONSET, cusum, delay_above, format_delays, moving
from tests.bench.monitor_worlds import FAILURES, World, world
from tests.support.requirements import need

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bench-monitor")]
STEPS = 2_000_000


@pytest.fixture(scope="module")
def rover(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A noisy agent, whose bets have evidence at most steps."""
    need("gcc")
    return world("rover", tmp_path_factory.mktemp("rover"))


def test_nominal_steps_raise_no_more_alarms_than_stated(rover: World) -> None:
    assert rover.run(1, STEPS).early <= STEPS / 1e6


def test_a_short_run_length_is_kept_too(tmp_path: Path) -> None:
    need("gcc")
    often = world("rover", tmp_path, "--false-alarm-every", "1000", "--tolerance", "0")
    assert often.run(1, STEPS // 4).early <= STEPS / 4 / 1000


@pytest.mark.parametrize("failure", range(1, 1 + len(FAILURES)), ids=FAILURES)
def test_each_failure_is_found(rover: World, failure: int) -> None:
    outcome = rover.run(7, 8200, failure=failure, onset=200)
    assert outcome.early == 0 and min(outcome.delays) > 0


def test_statistics_of_the_other_detectors() -> None:
    assert cusum(np.array([1.0, 3.0, 0.0, 3.0]), 2.0).tolist() == [0.0, 1.0, 0.0, 1.0]
    assert moving(np.arange(64.0))[-1] == np.arange(32.0, 64.0).mean()
    late = np.concatenate([np.full(ONSET, 9.0), [1.0, 5.0]])
    assert delay_above(late, 2.0) == 2 and delay_above(late, 9.0) == -1
    assert format_delays([3, 5, -1]) == "5 (2 of 3)" and format_delays([4, 4]) == "4"
