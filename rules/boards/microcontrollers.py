"""Microcontroller cores: compiler target, and an emulated core with all their instructions.

Experimental: no hardware was available. The emulator runs Linux programs for A-profile cores, whose
Thumb and floating-point instructions are a superset of those of the M-profile (Arm DDI 0403E, DDI
0406C). It therefore checks functions and bits, not time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Microcontroller:
    """A microcontroller core: compiler target and emulator. `floats` is the precision done in
    hardware.
    """

    triple: str  # eabihf: floats travel in registers of the FPU
    cpu: str  # in zig's spelling
    floats: str  # "none", "single" or "double"
    qemu: str = "qemu-arm-static"
    qemu_cpu: str = "max"


_SOFT, _HARD = "thumb-freestanding-eabi", "thumb-freestanding-eabihf"
MICROS: Mapping[str, Microcontroller] = {
    "cortex-m0plus": Microcontroller(_SOFT, "cortex_m0plus", "none"),
    "cortex-m3": Microcontroller(_SOFT, "cortex_m3", "none"),
    "cortex-m4f": Microcontroller(_HARD, "cortex_m4", "single"),
    "cortex-m7": Microcontroller(_HARD, "cortex_m7", "double"),
    "cortex-m33": Microcontroller(_HARD, "cortex_m33", "single"),
}
"""Microcontroller cores by the name that the rule `firmware` accepts."""
