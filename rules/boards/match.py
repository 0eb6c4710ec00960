"""Match the facts of a device with a board of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .detect import Device
from .l4t import software_of
from .types import Board


@dataclass(frozen=True, slots=True)
class Match:
    """A matching profile, or an empty name. Also evidence, overrides, differences and unknown
    facts.
    """

    profile: str
    because: tuple[str, ...] = ()
    override: Mapping[str, str] = field(default_factory=dict)
    differs: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    near: tuple[str, ...] = ()  # profiles that could be meant


def match(
    device: Device, boards: Mapping[str, Board], midr: Mapping[str, tuple[int, int]]
) -> Match:
    """Match a device by module number, by device-tree name, or by x86-64 level."""
    for look in (_by_module, _by_name, _by_level):
        candidate = look(device, boards)
        if candidate is not None:
            profile, because, memory = candidate
            core, differs = _core(device, boards[profile], midr)
            override, odd = _override(device, boards[profile], memory)
            return Match(profile, (because, *core), override, (*differs, *odd), _unknown(device))
    return Match(
        "",
        unknown=(_no_profile(device), *_unknown(device)),
        near=_similar_profiles(device, boards, midr),
    )


_Found = tuple[str, str, int] | None


def _by_module(device: Device, boards: Mapping[str, Board]) -> _Found:
    for number in device.modules:
        for name, board in boards.items():
            if number in board.modules:
                return name, f"the device tree names {number}", board.modules[number]
    return None


def _by_name(device: Device, boards: Mapping[str, Board]) -> _Found:
    for called in device.compatible:
        names = [name for name, board in boards.items() if called in board.compatible]
        # A board may have one profile for each kind of system.
        for name in sorted(names, key=lambda name: boards[name].core.arch != device.arch):
            return (
                name,
                f"the device tree is compatible with {called!r}",
                _fitting_size(device.memory_mib, boards[name]),
            )
    return None


def _by_level(device: Device, boards: Mapping[str, Board]) -> _Found:
    levels = {1: "x86-64", 2: "x86-64-v2", 3: "x86-64-v3", 4: "x86-64-v3"}
    wanted = levels.get(device.x86_level, "")
    plain = {
        name
        for name, board in boards.items()
        if board.uarch == wanted and name.startswith("x86-64")
    }
    for name in sorted(plain):
        return (
            name,
            f"/proc/cpuinfo has the flags of x86-64 level {device.x86_level}",
            device.memory_mib,
        )
    return None


def _fitting_size(memory: int, board: Board) -> int:
    """Return the smallest sold memory size (MiB) that fits; 0 when none fits."""
    return next(
        (size for size in sorted(board.memory_sold or (board.memory_mib,)) if size >= memory), 0
    )


def _core(
    device: Device, board: Board, midr: Mapping[str, tuple[int, int]]
) -> tuple[list[str], list[str]]:
    """Return evidence for the board and against it from the processor's name or part numbers."""
    if device.uarch:
        same = device.uarch == board.uarch
        text = f"its processor is {device.uarch}"
        return ([text], []) if same else ([], [f"{text}, not {board.uarch}"])
    if not device.parts or board.uarch not in midr:
        return [], []
    shown = ", ".join(_part(part, midr) for part in device.parts)
    if midr[board.uarch] in device.parts:
        return [f"its processor is {shown}"], []
    return [], [f"its processor is {shown}, not {board.uarch}"]


def _part(part: tuple[int, int], midr: Mapping[str, tuple[int, int]]) -> str:
    names = [name for name, known in midr.items() if known == part]
    return names[0] if names else f"implementer {part[0]:#04x} part {part[1]:#05x}"


def _override(device: Device, board: Board, memory: int) -> tuple[dict[str, str], list[str]]:
    """Return table values that differ from the profile, and sizes that match no known one."""
    override, odd = {}, []
    if device.arch and device.arch != board.core.arch:
        override["arch"] = f'"{device.arch}"'
    if software_of(device.l4t, board.software):
        override["l4t"] = f'"{device.l4t}"'
    if None not in (cgroups := {device.memory_cgroup, board.memory_cgroup}) and len(cgroups) == 2:
        override["memory_cgroup"] = str(device.memory_cgroup).lower()
    if memory and memory != board.memory_mib:
        override["memory"] = f'"{memory >> 10}GiB"' if memory % 1024 == 0 else f'"{memory}MiB"'
    if device.memory_mib and (not memory or not memory * 0.7 <= device.memory_mib <= memory):
        odd.append(
            f"the kernel has {device.memory_mib} MiB of memory, which is not a size that the "
            "board is sold with"
        )
    if device.cores > board.cores or (device.x86_level and device.cores != board.cores):
        override["cores"] = str(device.cores)
    elif 0 < device.cores < board.cores:
        odd.append(f"{device.cores} of {board.cores} cores are online")
    return override, odd


def _no_profile(device: Device) -> str:
    if device.compatible:
        return (
            "which board it is: the catalogue has none that is called "
            f"{' or '.join(map(repr, device.compatible))}"
        )
    if device.x86_level:
        return f"which profile it is: the catalogue has none for x86-64 level {device.x86_level}"
    return "which board it is: there is no device tree to name it"


def _similar_profiles(
    device: Device, boards: Mapping[str, Board], midr: Mapping[str, tuple[int, int]]
) -> tuple[str, ...]:
    """Return profiles with the same core. Virtual machines on Apple processors show part 0x000."""
    makers = {implementer for implementer, _ in device.parts}
    return tuple(
        sorted(
            name
            for name, board in boards.items()
            if midr.get(board.uarch) in device.parts
            or (0x61 in makers and board.uarch.startswith("apple-"))
        )
    )


def _unknown(device: Device) -> tuple[str, ...]:
    """Return each unknown fact with the file that would give it."""
    nvidia = any(name.startswith("nvidia,") for name in device.compatible)
    checks: list[tuple[bool, str]] = [
        (not device.cores, "its processor: /proc/cpuinfo is not there or names none"),
        (
            not device.memory_mib,
            "its memory: /proc/meminfo is not there or says nothing of MemTotal",
        ),
        (
            nvidia and not device.l4t,
            "its L4T release: /etc/nv_tegra_release is not there (containers seldom have it)",
        ),
        (nvidia and not device.modes, "its power modes: /etc/nvpmodel.conf is not there"),
        (
            nvidia and bool(device.modes) and not device.mode,
            "which power mode is on: /var/lib/nvpmodel/status is not there or names none of them",
        ),
        (
            device.memory_cgroup is None,
            "whether memory can be limited: cgroup.controllers and /proc/cgroups do not show it",
        ),
    ]
    return tuple(text for holds, text in checks if holds)
