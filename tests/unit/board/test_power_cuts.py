"""The points at which the power of a board is cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from board import power_cuts
from board.errors import BoardError
from board.power_cuts import Phase, Recording, points
from board.write_log import Write

FIRST, SECOND = Phase(1000, frozenset("a"), 3), Phase(150_000, frozenset("b"), 4)


def writes(count: int) -> list[Write]:
    """Return pairs of writes, each pair flushed; every entry takes 1,000 bytes of the log."""
    return [
        Write(0, b"", flush=True, logged=number * 1000)
        if number % 3 == 0
        else Write(512 * number, bytes(512), logged=number * 1000)
        for number in range(1, count + 1)
    ]


def recording() -> Recording:
    """Return a recording of two phases."""
    return Recording(Path("disk"), Path("log"), (FIRST, SECOND), "c")


@pytest.mark.parametrize("count", [90, 250, 900])
def test_there_are_as_many_points_as_asked_and_all_differ(count: int) -> None:
    cuts = points(recording(), writes(count), 200)
    assert len(cuts) == len(set(cuts)) == 200
    assert sum(cut.seed is not None for cut in cuts) >= 66
    assert {cut.end for cut in cuts} <= set(range(1, count + 1))


def test_a_short_recording_is_cut_after_every_write() -> None:
    exact = {cut.end for cut in points(recording(), writes(90), 200) if cut.seed is None}
    assert exact == set(range(1, 91))


def test_points_belong_to_the_phase_in_which_they_are() -> None:
    for cut in points(recording(), writes(250), 200):
        assert cut.phase == (SECOND if cut.end >= 150 else FIRST)


def test_only_cuts_with_unflushed_writes_lose_some() -> None:
    for cut in points(recording(), writes(250), 200):
        assert cut.seed is None or cut.end % 3


def test_a_damaged_state_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(bytes(40))
    with pytest.raises(BoardError, match="damaged"):
        power_cuts._steps(path)
    assert power_cuts._steps(tmp_path / "missing") == -1
