"""Format the answer of `buildgraph hardware detect`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_NO_MEMORY_CGROUP = (
    "memory cannot be limited: the cgroup controller is off "
    "(add cgroup_enable=memory to the kernel's command line)"
)


def format_device(device: Any, match: Any, board: Any, jetpack: str) -> list[str]:
    """Return lines: the profile and its evidence, differences, unknown facts, and a hardware table.

    `device` and `match` are the `Device` and `Match` of `rules.boards.detect`; `board` is the
    catalogue's entry of the profile, or None.
    """
    lines = [_row("profile", match.profile or "no match")]
    if device.model:
        lines.append(_row("device", device.model))
    lines += _rows("because", match.because) + _rows("could be", match.near)
    if device.l4t:
        lines.append(_row("system", _format_system(device.l4t, jetpack)))
    lines += _rows("differs", [*match.differs, *_differences(device, board)])
    if device.memory_cgroup is False:
        lines.append(_row("warning", _NO_MEMORY_CGROUP))
    lines += _rows("not known", match.unknown)
    return lines + (_table(device, match, board) if match.profile else [])


def _row(name: str, text: str) -> str:
    return f"{name:<10} {text}"


def _rows(name: str, texts: Sequence[str]) -> list[str]:
    return [_row("" if number else name, text) for number, text in enumerate(texts)]


def _format_system(l4t: str, jetpack: str) -> str:
    release = f"JetPack {jetpack}" if jetpack else "not a JetPack release in the catalogue"
    return f"L4T {l4t}, {release}"


def _differences(device: Any, board: Any) -> list[str]:
    """Describe the power modes and the system software that the catalogue's entry lacks."""
    if board is None:
        return []
    known = {mode.name for mode in board.power_modes}
    unknown = [name for name in device.modes.values() if name not in known]
    lines = [f"power modes that the catalogue lacks: {', '.join(unknown)}"] if unknown else []
    releases = [release.l4t for release in board.software]
    if device.l4t and not any(f"{device.l4t}.".startswith(f"{name}.") for name in releases):
        lines.append(
            f"L4T {device.l4t} is not in the catalogue's list for this board: "
            f"{', '.join(releases) or 'none'}"
        )
    return lines


def _table(device: Any, match: Any, board: Any) -> list[str]:
    """Return the lines of a BUILD.toml table that declares the device."""
    values = {"rule": '"hardware"', "profile": f'"{match.profile}"'}
    if device.mode in {mode.name for mode in board.power_modes}:
        values["power_mode"] = f'"{device.mode}"'
    return [
        "",
        "[hardware.device]",
        *(f"{key} = {value}" for key, value in (values | dict(match.override)).items()),
    ]
