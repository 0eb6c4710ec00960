"""Instructions that a core completes per cycle, as a range, for programs of this compiler.

The upper end is the number of instructions that the core decodes or issues per cycle: no program
exceeds it. The lower end is an allowance for a step of an agent whose tables are in the caches. Its
sums have one accumulator, so an addition waits for the one before it: 4 to 5 cycles on older cores,
2 to 3 on newer ones, for 4 to 6 instructions of a loop's round; divisions and logarithms wait
longer. A core that executes in order cannot fill these waits.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ipc:
    """A range of instructions per cycle in thousandths, and the source of its upper end."""

    least: int
    most: int
    source: str


_TRM = "Arm, Technical Reference Manual of the core"
_GUIDE = "Arm, Software Optimization Guide of the core"
_IN_ORDER, _OUT_OF_ORDER = 300, 500

IPC = {
    "cortex-a7": Ipc(_IN_ORDER, 2000, f"{_TRM}: partial dual issue, in order"),
    "cortex-a8": Ipc(100, 2000, f"{_TRM}: dual issue, in order; VFPLite has no pipeline"),
    "cortex-a35": Ipc(_IN_ORDER, 2000, f"{_TRM}: limited dual issue, in order"),
    "cortex-a53": Ipc(_IN_ORDER, 2000, f"{_TRM}: dual issue, in order"),
    "cortex-a55": Ipc(_IN_ORDER, 2000, f"{_TRM}: dual issue, in order"),
    "cortex-a57": Ipc(_OUT_OF_ORDER, 3000, f"{_GUIDE}: 3 instructions decoded per cycle"),
    "cortex-a72": Ipc(_OUT_OF_ORDER, 3000, f"{_GUIDE}: 3 instructions decoded per cycle"),
    "cortex-a76": Ipc(_OUT_OF_ORDER, 4000, f"{_GUIDE}: 4 instructions decoded per cycle"),
    "cortex-a78ae": Ipc(_OUT_OF_ORDER, 6000, f"{_GUIDE}: 6 macro-operations per cycle"),
    "carmel": Ipc(_OUT_OF_ORDER, 10000, "NVIDIA, Xavier at Hot Chips 2018: 10-wide superscalar"),
}
"""Ranges by the microarchitecture of the board."""

ANY = Ipc(100, 10000, "no core of the catalogue is wider; the width of this one is not known")


def ipc_range(uarch: str) -> Ipc:
    """Return the range of a microarchitecture; a wide one if it is not listed."""
    return IPC.get(uarch, ANY)
