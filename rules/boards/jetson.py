"""NVIDIA's Jetson boards, and which JetPack each L4T release is."""
from __future__ import annotations

from .types import A57, A76, A78AE, CARMEL, Accelerator, Board, PowerMode, Software

RELEASES = {
    "32.1.0": "4.2", "32.2.0": "4.2.1", "32.2.1": "4.2.2", "32.2.3": "4.2.3", "32.3.1": "4.3",
    "32.4.2": "4.4 DP", "32.4.3": "4.4", "32.4.4": "4.4.1", "32.5.0": "4.5", "32.5.1": "4.5.1", "32.5.2": "4.5.1",
    "32.6.1": "4.6", "32.7.1": "4.6.1", "32.7.2": "4.6.2", "32.7.3": "4.6.3", "32.7.4": "4.6.4", "32.7.5": "4.6.5",
    "32.7.6": "4.6.6", "34.1.0": "5.0 DP", "34.1.1": "5.0.1 DP", "35.1.0": "5.0.2", "35.2.1": "5.1", "35.3.1": "5.1.1",
    "35.4.1": "5.1.2", "35.5.0": "5.1.3", "35.6.0": "5.1.4", "35.6.1": "5.1.5", "35.6.2": "5.1.5",
    "35.6.3": "5.1.5", "35.6.4": "5.1.6",
    "36.2.0": "6.0 DP", "36.3.0": "6.0", "36.4.0": "6.1", "36.4.2": "6.1.1 or 6.1 (rev. 1)", "36.4.3": "6.2",
    "36.4.4": "6.2.1", "36.4.7": "6.2.1", "36.5.0": "6.2.1 or 6.2.2", "38.1.0": "7.0 EA", "38.2.0": "7.0",
    "38.2.1": "7.0", "38.2.2": "7.0", "38.4.0": "7.1", "39.0.0": "7.2 EA", "39.1.0": "7.2", "39.2.0": "7.2",
}
"""L4T release -> JetPack (jetson-containers and jetson-stats; both are given where they differ)."""

_NANO = (Software("32.7", "4.6.1 to 4.6.6", "18.04", "3.6", "", "nvidia/l4t-base:r32.7.1"),)
_XAVIER = (Software("35", "5.0.2 to 5.1.6", "20.04", "3.8", "", "nvidia/l4t-jetpack:r35.4.1"),)
_ORIN = (Software("36.2", "6.0 DP", "22.04", "3.10", "12.2", "ubuntu:22.04"),
         Software("36.3", "6.0", "22.04", "3.10", "12.4", "ubuntu:22.04"),
         Software("36.4", "6.1 to 6.2.1", "22.04", "3.10", "12.6", "ubuntu:22.04"),
         Software("36.5", "6.2.1 or 6.2.2", "22.04", "3.10", "12.6", "ubuntu:22.04"),
         Software("39", "7.2", "24.04", "3.12", "13.2", "ubuntu:24.04"))
_THOR = (Software("38.2", "7.0", "24.04", "3.12", "13.0", "ubuntu:24.04"),
         Software("38.4", "7.1", "24.04", "3.12", "13.0", "ubuntu:24.04"),
         Software("39", "7.2", "24.04", "3.12", "13.2", "ubuntu:24.04"))
_MODULE = {"title": "jetson-stats", "core": "tools", "modules": "jetson-stats", "memory_mib": "jetson-stats",
           "software": "jetson-containers"}
_COMMON = _MODULE | {"balena": "balena"}

JETSONS: dict[str, Board] = {
    "jetson-nano": Board(
        "NVIDIA Jetson Nano", A57, "cortex-a57", 4, 4096, mhz=1479,
        modules={"p3448-0000": 4096, "p3448-0002": 4096, "p3448-0003": 2048, "p3541-0000": 2048, "p3450-0000": 4096},
        compatible=("nvidia,jetson-nano",), accelerator=Accelerator("Maxwell", "5.3"), software=_NANO,
        power_modes=(PowerMode("MAXN", 10, 4, 1479, 921), PowerMode("5W", 5, 2, 918, 640)),
        storage="microSD, or 16 GB eMMC (p3448-0002)", balena="jetson-nano",
        sources=_COMMON | {"uarch": "l4t-power-nano", "cores": "l4t-power-nano", "mhz": "l4t-power-nano",
                           "modules": "jetson-stats; linux-dts for the kits p3450-0000 and p3541-0000 (2 GB)",
                           "compatible": "linux-dts", "accelerator": "jetson-containers",
                           "power_modes": "l4t-power-nano", "storage": "jetson-stats"}),
    "jetson-xavier-nx": Board(
        "NVIDIA Jetson Xavier NX", CARMEL, "carmel", 6, 8192, mhz=1900,
        modules={"p3668-0000": 8192, "p3668-0001": 8192, "p3668-0003": 16384},
        accelerator=Accelerator("Volta", "7.2", 384, 48), software=_XAVIER,
        power_modes=tuple(PowerMode(f"MODE_{watts}W_{cores}CORE", watts, cores) for watts, cores in (
            (15, 2), (15, 4), (15, 6), (10, 2), (10, 4), (20, 2), (20, 4), (20, 6)))
        + (PowerMode("MODE_10W_DESKTOP", 10),),
        storage="microSD (p3668-0000), or 16 GB eMMC", balena="jetson-xavier-nx-devkit",
        sources=_COMMON | {"uarch": "xavier-nx-sheet", "cores": "xavier-nx-sheet", "mhz": "xavier-nx-sheet",
                           "memory_mib": "xavier-nx-sheet", "accelerator": "xavier-nx-sheet",
                           "power_modes": "xavier-nx-modes", "storage": "xavier-nx-sheet; balena for the microSD"}),
    "jetson-orin-nano-8g": Board(
        "NVIDIA Jetson Orin Nano", A78AE, "cortex-a78ae", 6, 8192,
        modules={"p3767-0003": 8192, "p3767-0005": 8192, "p3767-0004": 4096},
        accelerator=Accelerator("Ampere", "8.7", 1024, 32), software=_ORIN,
        power_modes=(PowerMode("7W", 7), PowerMode("15W", 15), PowerMode("25W", 25), PowerMode("MAXN_SUPER")),
        storage="microSD or NVMe", balena="jetson-orin-nano-devkit-nvme",
        sources=_COMMON | {"uarch": "linux-dts", "cores": "nvpmodel", "accelerator": "orin-nano-super (8 GB)",
                           "power_modes": "nvpmodel (25W and MAXN_SUPER with super modes only)",
                           "storage": "meta-tegra"}),
    "jetson-orin-nx-16g": Board(
        "NVIDIA Jetson Orin NX 16 GB", A78AE, "cortex-a78ae", 8, 16384, mhz=1984, modules={"p3767-0000": 16384},
        accelerator=Accelerator("Ampere", "8.7", 1024, 32), software=_ORIN,
        power_modes=(PowerMode("MAXN_SUPER", 0, 8, 1984), PowerMode("MAXN"), PowerMode("10W", 10, 4),
                     PowerMode("15W", 15, 4), PowerMode("25W", 25, 8, 1498, 408), PowerMode("40W", 40, 8, 1498, 1173)),
        storage="NVMe", balena="jetson-orin-nx-xavier-nx-devkit",
        sources=_COMMON | {"uarch": "orin-nx-sheet", "cores": "orin-nx-sheet", "mhz": "orin-nx-modes",
                           "accelerator": "orin-nx-sheet", "power_modes": "orin-nx-modes", "storage": "meta-tegra"}),
    "jetson-orin-nx-8g": Board(
        "NVIDIA Jetson Orin NX 8 GB", A78AE, "cortex-a78ae", 6, 8192, modules={"p3767-0001": 8192},
        accelerator=Accelerator("Ampere", "8.7", 1024, 32), software=_ORIN, storage="NVMe",
        sources=_MODULE | {"uarch": "orin-nx-sheet", "cores": "orin-nx-sheet", "accelerator": "orin-nx-sheet",
                           "storage": "meta-tegra"}),
    "jetson-agx-orin-64g": Board(
        "NVIDIA Jetson AGX Orin 64 GB", A78AE, "cortex-a78ae", 12, 65536,
        modules={"p3701-0005": 65536, "p3701-0000": 32768},
        accelerator=Accelerator("Ampere", "8.7", 2048, 64), software=_ORIN,
        power_modes=(PowerMode("MAXN", 0, 12), PowerMode("MODE_15W", 15, 4), PowerMode("MODE_30W", 30, 8),
                     PowerMode("MODE_50W", 50)),
        storage="64 GB eMMC", balena="jetson-agx-orin-devkit-64gb",
        sources=_COMMON | {"uarch": "agx-orin-devkit", "cores": "agx-orin-devkit", "accelerator": "agx-orin-devkit",
                           "modules": "jetson-stats; l4t-guide-38 for p3701-0000 (first kit: 12 cores, 32 GB)",
                           "power_modes": "nvpmodel", "storage": "agx-orin-devkit"}),
    "jetson-agx-orin-32g": Board(
        "NVIDIA Jetson AGX Orin 32 GB", A78AE, "cortex-a78ae", 8, 32768, modules={"p3701-0004": 32768},
        accelerator=Accelerator("Ampere", "8.7"), software=_ORIN,
        sources=_MODULE | {"uarch": "agx-orin-devkit", "cores": "agx-orin-32g", "accelerator": "jetson-containers"}),
    "jetson-agx-thor-t5000": Board(
        "NVIDIA Jetson AGX Thor T5000", A76, "neoverse-v3ae", 14, 131072, mhz=2601, modules={"p3834-0008": 131072},
        accelerator=Accelerator("Blackwell", "11.0", 2560), software=_THOR,
        power_modes=(PowerMode("MAXN"), PowerMode("120W", 120), PowerMode("90W", 90), PowerMode("70W", 70)),
        storage="NVMe", balena="jetson-agx-thor-devkit",
        sources=_COMMON | {"uarch": "linux-dts", "cores": "thor", "mhz": "thor", "memory_mib": "thor",
                           "accelerator": "thor; jetson-containers for the compute capability",
                           "power_modes": "nvpmodel", "storage": "meta-tegra"}),
}
"""Jetson profiles; every module of a family is listed with the profile that it is nearest to."""
