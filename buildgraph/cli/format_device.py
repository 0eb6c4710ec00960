"""What `buildgraph hardware detect` says to a person."""

from __future__ import annotations

from typing import Any

_CGROUP = "memory cannot be limited: the controller is off (add cgroup_enable=memory to the kernel's command line)"


def format_device(device: Any, found: Any, board: Any, jetpack: str) -> list[str]:
    """The profile and why, what differs from it, what is not known, and what to write in BUILD.toml."""
    said = [_row("profile", found.profile or "none that fits")]
    said += [_row("device", device.model)] if device.model else []
    said += _rows("because", found.because) + _rows("could be", found.near)
    said += [_row("system", _system(device, jetpack))] if device.l4t else []
    said += _rows("differs", [*found.differs, *_modes(device, board)])
    said += _rows("beware", [_CGROUP] if device.memory_cgroup is False else [])
    said += _rows("not known", found.unknown)
    return said + (_table(device, found, board) if found.profile else [])


def _row(word: str, text: str) -> str:
    return f"{word:<10} {text}"


def _rows(word: str, texts: Any) -> list[str]:
    return [_row("" if number else word, text) for number, text in enumerate(texts)]


def _system(device: Any, jetpack: str) -> str:
    which = f"JetPack {jetpack}" if jetpack else "of no JetPack that the catalogue knows"
    return f"L4T {device.l4t}, {which}"


def _modes(device: Any, board: Any) -> list[str]:
    """Power modes and system software that the catalogue's entry does not have."""
    if board is None:
        return []
    known = {mode.name for mode in board.power_modes}
    new = [name for name in device.modes.values() if name not in known]
    said = [f"it has power modes that the catalogue does not know: {', '.join(new)}"] if new else []
    lines_of = [line.l4t for line in board.software]
    if device.l4t and not any(f"{device.l4t}.".startswith(f"{line}.") for line in lines_of):
        said.append(
            f"L4T {device.l4t} is none of those that the catalogue has for it: {', '.join(lines_of) or 'none'}"
        )
    return said


def _table(device: Any, found: Any, board: Any) -> list[str]:
    values = {"rule": '"hardware"', "profile": f'"{found.profile}"'}
    if device.mode in {mode.name for mode in board.power_modes}:
        values["power_mode"] = f'"{device.mode}"'
    return [
        "",
        "[hardware.device]",
        *(f"{key} = {value}" for key, value in (values | dict(found.override)).items()),
    ]
