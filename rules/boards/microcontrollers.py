"""Cores of microcontrollers: what the compiler calls them, and the emulated core that has all their instructions.

Experimental: no silicon was at hand. The emulator runs Linux programs for A-profile cores, whose Thumb and floating-point
instructions are a superset of those of the M-profile (Arm DDI 0403E, DDI 0406C), so functions and bits are judged there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Micro:
    """A core: target of the compiler, and who emulates it. `floats` says what is done in hardware."""

    triple: str  # eabihf: floats travel in registers of the FPU
    cpu: str  # in zig's spelling
    floats: str  # "none", "single" or "double"
    qemu: str = "qemu-arm-static"
    qemu_cpu: str = "max"


_SOFT, _HARD = "thumb-freestanding-eabi", "thumb-freestanding-eabihf"
MICROS: Mapping[str, Micro] = {
    "cortex-m0plus": Micro(_SOFT, "cortex_m0plus", "none"),
    "cortex-m3": Micro(_SOFT, "cortex_m3", "none"),
    "cortex-m4f": Micro(_HARD, "cortex_m4", "single"),
    "cortex-m7": Micro(_HARD, "cortex_m7", "double"),
    "cortex-m33": Micro(_HARD, "cortex_m33", "single"),
}
"""By the name that `firmware` takes."""
