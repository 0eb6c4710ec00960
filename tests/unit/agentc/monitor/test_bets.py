"""Bets are fair under the model, also if a share of the observations is arbitrary."""

from __future__ import annotations

import numpy as np
import pytest
from agentc.monitor.bets import CAP, SLOTS, STAKES, Limits, fair, streams, threshold


@pytest.mark.parametrize("tolerance", [0.0, 1e-3, 0.1])
@pytest.mark.parametrize("seed", range(20))
def test_no_bet_wins_on_average_under_the_model(tolerance: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.full(int(random.integers(2, 30)), 0.2)) + 1e-12
    p /= p.sum()
    for q in (np.full(len(p), 1.0 / len(p)), np.eye(len(p))[int(random.integers(len(p)))]):
        payoffs = np.minimum(q / p, CAP) * fair(Limits(tolerance=tolerance))
        worst = payoffs.max()  # what the arbitrary share observes
        mean = (1.0 - tolerance) * float(p @ payoffs) + tolerance * worst
        assert mean <= 1.0
        assert all(1.0 - stake + stake * mean <= 1.0 for stake in STAKES)


def test_without_the_factor_an_arbitrary_share_would_win() -> None:
    p = np.array([0.999, 0.001])
    payoffs = np.minimum(0.5 / p, CAP)
    assert 0.99 * float(p @ payoffs) + 0.01 * payoffs.max() > 1.0


def test_the_threshold_counts_every_bet_of_every_instance() -> None:
    assert streams(3) == 3 and streams(40) == SLOTS
    limits = Limits(false_alarm_every=1e6)
    assert threshold(limits, 1, 1) == 3e6
    assert threshold(limits, 4, 5) == 3e6 * 4 * 5
    assert threshold(Limits(16777217.0), 1, 1) >= 3 * 16777217  # rounded up to float32
