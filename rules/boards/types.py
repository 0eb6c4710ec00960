"""What is known of a board, and by whom: facts with their sources, no behaviour.

Only what `hardware` hands on can enter a key; the rest is for people and for `buildgraph hardware`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Core:
    """A processor core as the tools name it; boards with equal cores share every compiled artifact."""

    arch: str  # of the OCI platform
    variant: str  # of the OCI platform
    triple: str  # of the cross compiler
    cpu: str  # of the cross compiler
    qemu: str  # the emulator's program
    qemu_cpu: str  # the emulator's nearest core: it has every instruction that `cpu` lets the compiler use


@dataclass(frozen=True, slots=True)
class PowerMode:
    """A power mode by its name (ids differ between boards and releases); zeros where nothing is known."""

    name: str
    watts: int = 0  # the budget; 0: the mode has none, or none is known
    cores: int = 0  # online
    cpu_mhz: int = 0
    gpu_mhz: int = 0


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A GPU or the like: its family, CUDA compute capability, and counts where they are known."""

    kind: str
    cuda: str = ""
    cuda_cores: int = 0
    tensor_cores: int = 0


@dataclass(frozen=True, slots=True)
class Software:
    """A line of system software: how its L4T releases begin, and what comes with it (`base`: on NGC or Docker Hub)."""

    l4t: str
    jetpack: str
    ubuntu: str
    python: str
    cuda: str
    base: str


@dataclass(frozen=True, slots=True)
class Board:
    """One board: `sources` says for each field that is not empty where its fact comes from."""

    title: str
    core: Core
    uarch: str  # what the silicon is; `core` says what it is compiled for
    cores: int
    memory_mib: int  # of the model that the profile means unless told otherwise
    sources: Mapping[str, str]
    mhz: int = 0  # the highest clock of the cores
    memory_sold: tuple[int, ...] = ()  # MiB of every model sold, where there are several
    modules: Mapping[str, int] = field(default_factory=dict)  # NVIDIA's p-number -> MiB of memory
    compatible: tuple[str, ...] = ()  # what its device tree calls it
    accelerator: Accelerator | None = None
    software: tuple[Software, ...] = ()
    power_modes: tuple[PowerMode, ...] = ()
    storage: str = ""
    balena: str = ""  # slug of the device type
    caution: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A document: what it is, the day of the version read (or empty), and the day it was read."""

    what: str
    dated: str
    retrieved: str


SOURCES = {
    "jetson-containers": Source(
        "dusty-nv/jetson-containers jetson_containers/l4t_version.py at dd206bfe (MIT)",
        "2026-05-30",
        "2026-11-23",
    ),
    "jetson-stats": Source(
        "rbonghi/jetson_stats jtop/core/jetson_variables.py at f41d5cad (facts only)",
        "2026-07-30",
        "2026-11-23",
    ),
    "meta-tegra": Source(
        "OE4T/meta-tegra conf/machine and its include at d5d93dc6", "2026-08-21", "2026-11-23"
    ),
    "balena": Source(
        "balena-io/contracts contracts/hw.device-type at a4ab96e", "2026-07-16", "2026-11-23"
    ),
    "l4t-power-nano": Source(
        "NVIDIA L4T Development Guide, Power Management for Jetson Nano", "", "2026-11-23"
    ),
    "xavier-nx-sheet": Source("NVIDIA Jetson Xavier NX data sheet DA-09366-001", "", "2026-11-23"),
    "xavier-nx-modes": Source(
        "`nvpmodel -p --verbose` of a Xavier NX with L4T r35.1, published", "", "2026-11-23"
    ),
    "nvpmodel": Source(
        "public nvpmodel.conf files of the named board, which agree with each other",
        "",
        "2026-11-23",
    ),
    "orin-nano-super": Source(
        "published measurements of the Orin Nano Super developer kit", "", "2026-11-23"
    ),
    "orin-nx-sheet": Source(
        "NVIDIA Jetson Orin NX data sheet, and specification tables made of it", "", "2026-11-23"
    ),
    "orin-nx-modes": Source(
        "ARK-Electronics/ark_jetson_kernel docs/power.md at 451d1c0b, of p3767-0000 with R36.5; "
        "MAXN: published logs of systems without super modes",
        "2026-09",
        "2026-11-23",
    ),
    "agx-orin-devkit": Source(
        "NVIDIA Jetson AGX Orin Developer Kit specification", "", "2026-11-23"
    ),
    "agx-orin-32g": Source(
        "apache/tvm#16231 (8 cores by NVIDIA's documentation); the module has its own nvpmodel file "
        "with fewer cores (anduril/jetpack-nixos#287)",
        "2023-12",
        "2026-11-23",
    ),
    "l4t-guide-38": Source(
        "NVIDIA Jetson Linux Developer Guide r38.2, Emulation Flash Configurations",
        "",
        "2026-11-23",
    ),
    "thor": Source(
        "RidgeRun's developer wiki on Jetson AGX Thor; public inventories of the developer kit",
        "",
        "2026-11-23",
    ),
    "linux-dts": Source(
        "torvalds/linux arch/arm64/boot/dts and Documentation/devicetree/bindings/arm",
        "",
        "2026-11-23",
    ),
    "midr": Source("part numbers of Zig 0.17.1 lib/std/zig/system/arm.zig", "", "2026-11-23"),
    "rpi-docs": Source(
        "raspberrypi/documentation computers/processors and computers/raspberry-pi/revision-codes.adoc",
        "",
        "2026-11-23",
    ),
    "rpi-cgroup": Source(
        "RPi-Distro/pi-gen#917: the memory controller is off by default", "2026-04", "2026-11-23"
    ),
    "coral-som": Source("Coral System-on-Module datasheet 1.11", "2019", "2026-11-23"),
    "apple-spec": Source(
        "published specifications of the Mac mini (2023 and 2024)", "", "2026-11-23"
    ),
    "apple-containers": Source(
        "AsahiLinux/linux#285, apple/container#1511: containers run in a virtual machine "
        "without a GPU",
        "",
        "2026-11-23",
    ),
    "x86-psabi": Source(
        "System V psABI x86-64 supplement, microarchitecture levels", "", "2026-11-23"
    ),
    "tools": Source(
        "`zig targets` 0.17.1 and `qemu-aarch64 -cpu help` 7.2: where the emulator lacks the core, the "
        "nearest that has all its instructions; where none has, compiled for the emulated one",
        "",
        "2026-11-23",
    ),
    "placeholder": Source("no fact but a placeholder: say what yours has", "", ""),
}
"""The short names that `Board.sources` uses."""


def arm(cpu: str, emulated: str = "") -> Core:
    """A 64-bit Arm core by its usual name, and the core that emulates it where that is another."""
    return Core(
        "arm64",
        "v8",
        "aarch64-linux-musl",
        cpu.replace("-", "_"),
        "qemu-aarch64-static",
        emulated or cpu,
    )


def x86(level: str) -> Core:
    """A level of x86-64 by the compiler's name."""
    return Core("amd64", "", "x86_64-linux-musl", level, "qemu-x86_64-static", "max")


A53, A57, A72, A76 = arm("cortex-a53"), arm("cortex-a57"), arm("cortex-a72"), arm("cortex-a76")
A78AE, CARMEL = arm("cortex-a78ae", "cortex-a76"), arm("carmel", "cortex-a76")

MIDR = {
    "cortex-a53": (0x41, 0xD03),
    "cortex-a57": (0x41, 0xD07),
    "cortex-a72": (0x41, 0xD08),
    "cortex-a76": (0x41, 0xD0B),
    "cortex-a78ae": (0x41, 0xD42),
    "neoverse-v3ae": (0x41, 0xD83),
    "carmel": (0x4E, 0x004),
}
"""Implementer and part that /proc/cpuinfo shows of a microarchitecture (source: midr)."""
