"""Detect a device: read facts from its system files and match them with a board profile.

Nothing is guessed. A fact that no file gives is reported as unknown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .types import Board

FILES = (
    "proc/device-tree/model",
    "proc/device-tree/compatible",
    "etc/nv_tegra_release",
    "etc/nvpmodel.conf",
    "var/lib/nvpmodel/status",
    "proc/cpuinfo",
    "proc/meminfo",
    "proc/cgroups",
    "sys/fs/cgroup/cgroup.controllers",
)
"""Every file that detection reads, relative to the root of a file system."""
_ELSEWHERE = {"proc/device-tree/": "sys/firmware/devicetree/base/"}
_MOST = 1 << 20

_P_NUMBER = re.compile(r"p[0-9]{4}-[0-9]{4}")
_MODE = re.compile(
    r"<\s*POWER_MODEL\s+(?:ID=([0-9]{1,9})\s+NAME=([\w.+-]+)|NAME=([\w.+-]+)\s+ID=([0-9]{1,9}))"
)
_RELEASE = re.compile(r"R([0-9]{1,9}) \(release\), REVISION: ([0-9.]{1,19})")

X86_LEVELS = (
    (4, {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    (3, {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    (2, {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
)
"""Flags of /proc/cpuinfo that each x86-64 psABI level adds; Linux writes LZCNT as `abm`."""


@dataclass(frozen=True, slots=True)
class Device:
    """Facts of a device. A missing fact is empty, zero or None."""

    model: str = ""
    compatible: tuple[str, ...] = ()
    l4t: str = ""  # such as "36.4.3"
    modes: Mapping[int, str] = field(default_factory=dict)
    mode: str = ""  # the power mode that is on
    parts: tuple[
        tuple[int, int], ...
    ] = ()  # implementer and part of each kind of core, in order of appearance
    x86_level: int = 0  # 1 to 4
    cores: int = 0  # online
    memory_mib: int = 0  # that the kernel has
    memory_cgroup: bool | None = None

    @property
    def modules(self) -> tuple[str, ...]:
        """NVIDIA p-numbers of modules and carriers in the device tree, the most specific first."""
        return tuple(
            dict.fromkeys(number for name in self.compatible for number in _P_NUMBER.findall(name))
        )


def read_files(root: str = "/") -> dict[str, str]:
    """Read each existing file of `FILES`. Symlinks must not lead outside `root`."""
    texts = {}
    for name in FILES:
        text = _read(root, name)
        for front, other in _ELSEWHERE.items():
            if text is None and name.startswith(front):
                text = _read(root, other + name.removeprefix(front))
        if text is not None:
            texts[name] = text
    return texts


def _read(root: str, name: str) -> str | None:
    top, path = os.path.realpath(root), os.path.realpath(os.path.join(root, name))
    if os.path.commonpath((top, path)) != top or not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return None


def facts(files: Mapping[str, str]) -> Device:
    """Parse the contents of `FILES`."""
    cpuinfo = [line.partition(":")[::2] for line in files.get("proc/cpuinfo", "").splitlines()]
    pairs = [(key.strip(), value.strip()) for key, value in cpuinfo]
    modes = _modes(files.get("etc/nvpmodel.conf", ""))
    status = re.search(r"pmode:([0-9]{1,9})\b", files.get("var/lib/nvpmodel/status", ""))
    memory = re.search(
        r"^MemTotal:\s+([0-9]{1,15}) kB", files.get("proc/meminfo", ""), re.MULTILINE
    )
    return Device(
        model="".join(filter(str.isprintable, files.get("proc/device-tree/model", ""))),
        compatible=tuple(
            name
            for name in re.split(r"[\0\n]", files.get("proc/device-tree/compatible", ""))
            if name
        ),
        l4t=_l4t(files.get("etc/nv_tegra_release", "")),
        modes=modes,
        mode=modes.get(int(status[1]), "") if status else "",
        parts=_parts(pairs),
        x86_level=_x86_level(pairs),
        cores=sum(key == "processor" for key, _ in pairs),
        memory_mib=int(memory[1]) >> 10 if memory else 0,
        memory_cgroup=_memory_cgroup(files),
    )


def _l4t(text: str) -> str:
    release = _RELEASE.search(text)
    return f"{release[1]}.{release[2]}" if release else ""


def _modes(text: str) -> dict[int, str]:
    return {int(line[1] or line[4]): line[2] or line[3] for line in _MODE.finditer(text)}


def _parts(pairs: list[tuple[str, str]]) -> tuple[tuple[int, int], ...]:
    implementers = [_number(value) for key, value in pairs if key == "CPU implementer"]
    parts = [_number(value) for key, value in pairs if key == "CPU part"]
    return tuple(dict.fromkeys(zip(implementers, parts)))


def _number(text: str) -> int:
    return int(text, 16) if re.fullmatch(r"0x[0-9a-fA-F]{1,8}", text) else -1


def _x86_level(pairs: list[tuple[str, str]]) -> int:
    flags = set(next((value for key, value in pairs if key == "flags"), "").split())
    if "lm" not in flags:
        return 0
    needed, level = set[str](), 1
    for number, more in reversed(X86_LEVELS):
        needed |= more
        level = number if needed <= flags else level
    return level


def _memory_cgroup(files: Mapping[str, str]) -> bool | None:
    """Return whether memory can be limited: cgroup v2 lists its controllers, v1 has a table."""
    if "sys/fs/cgroup/cgroup.controllers" in files:
        return "memory" in files["sys/fs/cgroup/cgroup.controllers"].split()
    rows = [line.split() for line in files.get("proc/cgroups", "").splitlines()]
    enabled = [row[3] == "1" for row in rows if len(row) == 4 and row[0] == "memory"]
    return enabled[0] if enabled else None


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
        for name, board in boards.items():
            if called in board.compatible:
                return (
                    name,
                    f"the device tree is compatible with {called!r}",
                    _fitting_size(device.memory_mib, board),
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
    """Return evidence for the board and against it from the processor's part numbers."""
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
