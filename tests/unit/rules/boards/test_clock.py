"""Clock of a board's cores by power mode."""

from __future__ import annotations

import pytest

from rules.boards.catalogue import BOARDS
from rules.boards.clock import clock_range
from rules.hardware import hardware
from tests.support.rule_context import ctx


@pytest.mark.parametrize(
    ("profile", "mode", "expected"),
    [
        ("jetson-nano", "5W", (918, 918)),
        ("jetson-nano", "MAXN", (1479, 1479)),
        ("jetson-nano", "", (918, 1479)),  # any of its modes may be on
        ("raspberry-pi-5", "", (2400, 2400)),
        ("jetson-orin-nx-16g", "10W", (0, 0)),  # no document gives its clock
        ("jetson-agx-orin-32g", "", (0, 0)),
    ],
)
def test_the_clock_is_that_of_the_power_mode(
    profile: str, mode: str, expected: tuple[int, int]
) -> None:
    assert clock_range(BOARDS[profile], mode) == expected
    assert hardware(ctx(), profile, power_mode=mode).clock_mhz == expected


def test_no_board_has_a_clock_above_its_highest() -> None:
    for board in BOARDS.values():
        assert not board.mhz or all(mode.cpu_mhz <= board.mhz for mode in board.power_modes)
