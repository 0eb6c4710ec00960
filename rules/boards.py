"""The shipped catalogue of boards: facts with their sources, no behaviour.

Facts are those of the documents named, retrieved 2026-11; `SOURCES` spells the short names out. Fields that
nothing reads (sources, aliases, module numbers) are for people and enter no key.
"""
from __future__ import annotations

from dataclasses import dataclass, field

SOURCES = {
    "jetson-containers": "dusty-nv/jetson-containers jetson_containers/l4t_version.py at dd206bfe",
    "jetson-stats": "rbonghi/jetson_stats jtop/core/jetson_variables.py at f41d5cad",
    "meta-tegra": "OE4T/meta-tegra conf/machine/include at d5d93dc6",
    "l4t-power-nano": "NVIDIA L4T 32 Development Guide, power management of the Jetson Nano",
    "nvpmodel": "nvpmodel.conf of the named board, as installed by JetPack 6",
    "agx-orin-devkit": "NVIDIA Jetson AGX Orin Developer Kit specification",
    "rpi-docs": "raspberrypi/documentation computers/processors/{bcm2711,bcm2712,rp3a0}.adoc",
    "linux-dts": "torvalds/linux arch/arm64/boot/dts (CPU nodes and caches)",
    "x86-psabi": "System V psABI x86-64 supplement, microarchitecture levels",
    "qemu": "qemu-aarch64 7.2 `-cpu help`: cores it can emulate; a78 is not among them, a76 is the nearest",
    "zig": "CPU names of `zig targets` 0.17",
}


@dataclass(frozen=True, slots=True)
class Core:
    """A CPU core as the tools name it; boards with equal cores share every compiled artifact."""

    arch: str
    variant: str
    triple: str
    cpu: str
    gcc: str
    qemu: str
    qemu_cpu: str


@dataclass(frozen=True, slots=True)
class Board:
    """One board: its core, memory, accelerators and power modes by name (watts, or 0 where there is no cap)."""

    core: Core
    cores: int
    memory_mib: int
    sources: dict[str, str]
    accelerator: str = ""
    l4t: str = ""
    storage: str = ""
    power_modes: dict[str, int] = field(default_factory=dict)


def _arm(cpu: str, emulated: str = "") -> Core:
    return Core("arm64", "v8", "aarch64-linux-musl", cpu.replace("-", "_"), cpu, "qemu-aarch64-static", emulated or cpu)


def _x86(level: str) -> Core:
    return Core("amd64", "", "x86_64-linux-musl", level, level.replace("_", "-"), "qemu-x86_64-static", "max")


A53, A57, A72 = _arm("cortex-a53"), _arm("cortex-a57"), _arm("cortex-a72")
A76, A78AE = _arm("cortex-a76"), _arm("cortex-a78ae", "cortex-a76")

BOARDS: dict[str, Board] = {
    "jetson-nano": Board(
        A57, 4, 4096, accelerator="Maxwell sm_53", l4t="r32.7", storage="microSD or 16 GB eMMC",
        power_modes={"MAXN": 10, "5W": 5},
        sources={"core": "l4t-power-nano", "memory_mib": "jetson-stats", "accelerator": "jetson-containers",
                 "l4t": "jetson-containers", "storage": "jetson-stats", "power_modes": "l4t-power-nano"}),
    "jetson-orin-nano-8g": Board(
        A78AE, 6, 8192, accelerator="Ampere sm_87", l4t="r36", storage="microSD or NVMe",
        power_modes={"7W": 7, "15W": 15, "25W": 25, "MAXN_SUPER": 0},
        sources={"core": "nvpmodel", "memory_mib": "jetson-stats", "accelerator": "jetson-containers",
                 "l4t": "jetson-containers", "storage": "meta-tegra", "power_modes": "nvpmodel"}),
    "jetson-agx-orin-64g": Board(
        A78AE, 12, 65536, accelerator="Ampere sm_87", l4t="r36", storage="64 GB eMMC",
        power_modes={"MAXN": 0, "MODE_15W": 15, "MODE_30W": 30, "MODE_50W": 50},
        sources={"core": "agx-orin-devkit", "memory_mib": "jetson-stats", "accelerator": "agx-orin-devkit",
                 "l4t": "jetson-containers", "storage": "agx-orin-devkit", "power_modes": "nvpmodel"}),
    "raspberry-pi-zero-2w": Board(
        A53, 4, 512, storage="microSD",
        sources={"core": "rpi-docs", "memory_mib": "rpi-docs", "storage": "rpi-docs"}),
    "raspberry-pi-4b": Board(
        A72, 4, 4096, storage="microSD, USB or network",
        sources={"core": "rpi-docs", "memory_mib": "rpi-docs (1 to 8 GB are sold)", "storage": "rpi-docs"}),
    "raspberry-pi-5": Board(
        A76, 4, 8192, storage="microSD, USB, NVMe or network",
        sources={"core": "linux-dts", "memory_mib": "rpi-docs (2 to 16 GB are sold)", "storage": "rpi-docs"}),
    "x86-64-v3": Board(
        _x86("x86_64_v3"), 4, 8192, sources={"core": "x86-psabi", "memory_mib": "a placeholder: override it"}),
    "x86-64-generic": Board(
        _x86("x86_64"), 4, 4096, sources={"core": "x86-psabi", "memory_mib": "a placeholder: override it"}),
}
