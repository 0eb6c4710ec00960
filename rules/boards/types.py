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
    kernel: str = ""  # first version of the line


@dataclass(frozen=True, slots=True)
class Caches:
    """Data caches of a core in KiB: its own L1, and the L2 and L3 that it can use; 0 for none or
    unknown.
    """

    l1d_kib: int = 0
    l2_kib: int = 0
    l3_kib: int = 0


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
    storage_gb: int = 0  # 10^9 bytes that every model has; 0 where the card or disk is yours
    caches: Caches | None = None
    page_kib: int = 0  # largest page of the kernels it is sold with; 0: 4, or not known
    memory_cgroup: bool | None = None  # False: the system ignores memory limits by default
    balena: str = ""  # slug of the device type
    caution: str = ""


_LINUX: Mapping[str, tuple[str, str, str]] = {
    "amd64": ("", "x86_64-linux-musl", "qemu-x86_64-static"),
    "arm64": ("v8", "aarch64-linux-musl", "qemu-aarch64-static"),
    "arm": ("v7", "arm-linux-musleabihf", "qemu-arm-static"),
    "riscv64": ("", "riscv64-linux-musl", "qemu-riscv64-static"),
}
"""OCI architecture -> its variant, triple of the compiler, emulator."""


def core(arch: str, cpu: str, emulated: str) -> Core:
    """Return a core of an OCI architecture by the compiler's name and the emulator's.

    Of the 32-bit Arm cores, only the ARM1176 is older than ARMv7.
    """
    variant, triple, qemu = _LINUX[arch]
    variant = "v6" if cpu.startswith("arm1176") else variant
    return Core(arch, variant, triple, cpu, qemu, emulated)


def arm(cpu: str, emulated: str = "") -> Core:
    """Return a 64-bit Arm core by its usual name; `emulated` names the emulated core if it
    differs.
    """
    return core("arm64", cpu.replace("-", "_"), emulated or cpu)


A53, A57, A72, A76 = arm("cortex-a53"), arm("cortex-a57"), arm("cortex-a72"), arm("cortex-a76")
A78AE, CARMEL = arm("cortex-a78ae", "cortex-a76"), arm("carmel", "cortex-a76")
A7, A8 = core("arm", "cortex_a7", "cortex-a7"), core("arm", "cortex_a8", "cortex-a8")
ARM1176 = core("arm", "arm1176jzf_s", "arm1176")
U74 = core("riscv64", "sifive_u74", "sifive-u54")
RV64 = core("riscv64", "baseline_rv64", "sifive-u54")
X86_1, X86_2, X86_3 = (core("amd64", f"x86_64{level}", "max") for level in ("", "_v2", "_v3"))

MIDR = {
    "arm1176jzf-s": (0x41, 0xB76),
    "cortex-a7": (0x41, 0xC07),
    "cortex-a8": (0x41, 0xC08),
    "cortex-a53": (0x41, 0xD03),
    "cortex-a57": (0x41, 0xD07),
    "cortex-a72": (0x41, 0xD08),
    "cortex-a76": (0x41, 0xD0B),
    "cortex-a78ae": (0x41, 0xD42),
    "neoverse-v3ae": (0x41, 0xD83),
    "carmel": (0x4E, 0x004),
}
"""Implementer and part number in /proc/cpuinfo by microarchitecture (source: midr)."""
