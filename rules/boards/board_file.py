"""The file `/board` of an image: the board it is for, as `agent --doctor` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..hardware import Hardware


def board_file(board: Hardware) -> str:
    """Return the text: a key and a value in each line."""
    rows = [("profile", board.profile)]
    rows += [("name", name) for name in board.names]
    rows += [("module", module) for module in board.modules]
    rows += [("power_mode", board.power_mode)] if board.power_mode else []
    return "".join(f"{key} {value}\n" for key, value in rows)
