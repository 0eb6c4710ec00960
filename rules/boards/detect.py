"""Detect a device: read facts from its system files.

Nothing is guessed. A fact that no file gives is reported as unknown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    arch: str = ""  # OCI architecture of the system's programs
    uarch: str = ""  # of a RISC-V core, such as "sifive,u74-mc"

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
    level = _x86_level(pairs)
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
        x86_level=level,
        cores=sum(key == "processor" for key, _ in pairs),
        memory_mib=int(memory[1]) >> 10 if memory else 0,
        memory_cgroup=_memory_cgroup(files),
        arch=_arch(pairs) or ("amd64" if level else ""),
        uarch=next((value for key, value in pairs if key == "uarch"), ""),
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


def _arch(pairs: list[tuple[str, str]]) -> str:
    """Return the architecture of an Arm or RISC-V kernel.

    A 32-bit Arm kernel gives the architecture 7 or less, also on a 64-bit core.
    """
    for key, value in pairs:
        if key == "CPU architecture":
            return "arm64" if value in ("8", "AArch64") else "arm"
        if key == "isa" and value.startswith("rv64"):
            return "riscv64"
    return ""


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
