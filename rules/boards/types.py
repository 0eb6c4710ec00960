"""Types of the board catalogue: facts and the sources of each.

Only fields that `hardware` passes on enter keys. The rest is for `buildgraph hardware`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Core:
    """A processor core in the names of each tool. Boards with equal cores share compiled
    artifacts.
    """

    arch: str  # of the OCI platform
    variant: str  # of the OCI platform
    triple: str  # of the cross compiler
    cpu: str  # of the cross compiler
    qemu: str  # the emulator's program
    qemu_cpu: str  # the nearest emulated core with all instructions of `cpu`


@dataclass(frozen=True, slots=True)
class PowerMode:
    """A power mode by name, because ids differ between boards and releases. Unknown values are
    0.
    """

    name: str
    watts: int = 0  # the budget; 0: the mode has none, or none is known
    cores: int = 0  # online
    cpu_mhz: int = 0
    gpu_mhz: int = 0


@dataclass(frozen=True, slots=True)
class Accelerator:
    """An accelerator: family, CUDA compute capability, and core counts if known."""

    kind: str
    cuda: str = ""
    cuda_cores: int = 0
    tensor_cores: int = 0


@dataclass(frozen=True, slots=True)
class Software:
    """A line of system software: prefix of its L4T releases and the versions it contains.

    `base` is the base image on NGC or Docker Hub.
    """

    l4t: str
    jetpack: str
    ubuntu: str
    python: str
    cuda: str
    base: str


@dataclass(frozen=True, slots=True)
class Board:
    """A board. `sources` names the source of each field that is not empty."""

    title: str
    core: Core
    uarch: str  # what the silicon is; `core` says what it is compiled for
    cores: int
    memory_mib: int  # of the model that the profile means by default
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
class Document:
    """A document: description, date of the version read (or empty), and date of reading."""

    what: str
    dated: str
    retrieved: str


SOURCES = {
    "jetson-containers": Document(
        "dusty-nv/jetson-containers jetson_containers/l4t_version.py at dd206bfe (MIT)",
        "2026-05-30",
        "2026-11-23",
    ),
    "jetson-stats": Document(
        "rbonghi/jetson_stats jtop/core/jetson_variables.py at f41d5cad (facts only)",
        "2026-07-30",
        "2026-11-23",
    ),
    "meta-tegra": Document(
        "OE4T/meta-tegra conf/machine and its include at d5d93dc6", "2026-08-21", "2026-11-23"
    ),
    "balena": Document(
        "balena-io/contracts contracts/hw.device-type at a4ab96e", "2026-07-16", "2026-11-23"
    ),
    "l4t-power-nano": Document(
        "NVIDIA L4T Development Guide, Power Management for Jetson Nano", "", "2026-11-23"
    ),
    "xavier-nx-sheet": Document(
        "NVIDIA Jetson Xavier NX data sheet DA-09366-001", "", "2026-11-23"
    ),
    "xavier-nx-modes": Document(
        "`nvpmodel -p --verbose` of a Xavier NX with L4T r35.1, published", "", "2026-11-23"
    ),
    "nvpmodel": Document(
        "public nvpmodel.conf files of the named board, which agree with each other",
        "",
        "2026-11-23",
    ),
    "orin-nano-super": Document(
        "published measurements of the Orin Nano Super developer kit", "", "2026-11-23"
    ),
    "orin-nx-sheet": Document(
        "NVIDIA Jetson Orin NX data sheet, and specification tables made of it", "", "2026-11-23"
    ),
    "orin-nx-modes": Document(
        "ARK-Electronics/ark_jetson_kernel docs/power.md at 451d1c0b, of p3767-0000 with R36.5; "
        "MAXN: published logs of systems without super modes",
        "2026-09",
        "2026-11-23",
    ),
    "agx-orin-devkit": Document(
        "NVIDIA Jetson AGX Orin Developer Kit specification", "", "2026-11-23"
    ),
    "agx-orin-32g": Document(
        "apache/tvm#16231 (8 cores by NVIDIA's documentation); the module has its own nvpmodel "
        "file "
        "with fewer cores (anduril/jetpack-nixos#287)",
        "2023-12",
        "2026-11-23",
    ),
    "l4t-guide-38": Document(
        "NVIDIA Jetson Linux Developer Guide r38.2, Emulation Flash Configurations",
        "",
        "2026-11-23",
    ),
    "thor": Document(
        "RidgeRun's developer wiki on Jetson AGX Thor; public inventories of the developer kit",
        "",
        "2026-11-23",
    ),
    "linux-dts": Document(
        "torvalds/linux arch/arm64/boot/dts and Documentation/devicetree/bindings/arm",
        "",
        "2026-11-23",
    ),
    "midr": Document("part numbers of Zig 0.17.1 lib/std/zig/system/arm.zig", "", "2026-11-23"),
    "rpi-docs": Document(
        "raspberrypi/documentation computers/processors and "
        "computers/raspberry-pi/revision-codes.adoc",
        "",
        "2026-11-23",
    ),
    "rpi-cgroup": Document(
        "RPi-Distro/pi-gen#917: the memory controller is off by default", "2026-04", "2026-11-23"
    ),
    "coral-som": Document("Coral System-on-Module datasheet 1.11", "2019", "2026-11-23"),
    "apple-spec": Document(
        "published specifications of the Mac mini (2023 and 2024)", "", "2026-11-23"
    ),
    "apple-containers": Document(
        "AsahiLinux/linux#285, apple/container#1511: containers run in a virtual machine "
        "without a GPU",
        "",
        "2026-11-23",
    ),
    "x86-psabi": Document(
        "System V psABI x86-64 supplement, microarchitecture levels", "", "2026-11-23"
    ),
    "tools": Document(
        "`zig targets` 0.17.1 and `qemu-aarch64 -cpu help` 7.2: where the emulator lacks the "
        "core, the "
        "nearest that has all its instructions; where none has, compiled for the emulated one",
        "",
        "2026-11-23",
    ),
    "placeholder": Document("no fact but a placeholder: say what yours has", "", ""),
}
"""Documents by the short names that `Board.sources` uses."""


def arm(cpu: str, emulated: str = "") -> Core:
    """Return a 64-bit Arm core by its usual name; `emulated` names the emulated core if it
    differs.
    """
    return Core(
        "arm64",
        "v8",
        "aarch64-linux-musl",
        cpu.replace("-", "_"),
        "qemu-aarch64-static",
        emulated or cpu,
    )


def x86(level: str) -> Core:
    """Return an x86-64 level by the compiler's name."""
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
"""Implementer and part number in /proc/cpuinfo by microarchitecture (source: midr)."""
