"""Clock of a board's cores in a power mode."""

from __future__ import annotations

from .types import Board


def clock_range(board: Board, power_mode: str = "") -> tuple[int, int]:
    """Return the lowest and the highest MHz that the cores may be limited to; (0, 0) if unknown.

    A power mode with a known clock gives it twice. Without a mode the board may run in any of them,
    so the lowest known clock of all modes is the lower end.
    """
    modes = {mode.name: mode.cpu_mhz for mode in board.power_modes}
    if power_mode:
        mhz = modes.get(power_mode, 0)
        return (mhz, mhz) if mhz else (0, 0)
    known = [mhz for mhz in (*modes.values(), board.mhz) if mhz]
    if not known or not all(modes.values()):
        return (0, 0)
    return min(known), max(known)
