"""One table of all facts about boards: which code reads each fact, and for what.

A fact is a limit that a gate or the analysis judges, an input of an action or of a decision, or
only for detection; every other fact is informative: it is shown, and nothing depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Use = Literal["limit", "input", "detection", "informative"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact: its field of the catalogue, of the provider `Hardware`, and its key in BUILD.toml.

    `readers` are functions, as `module:function`. Each reads the field of the provider, or that of
    the catalogue where the provider has none.
    """

    board: str  # "core.cpu" is the field `cpu` of the record `core`; "" for none
    hardware: str  # "" for none
    key: str  # "" for none
    use: Use
    what: str
    readers: tuple[str, ...] = ()


_BOARD_FILE = "rules.boards.board_file:board_file"
_EXPORT, _LIMITS, _DETECT = "rules.export", "rules.limits", "rules.boards.match"
_FIT, _GATE = f"{_LIMITS}:require_fit", f"{_LIMITS}:board_words"
_POSSIBLE, _CLOCK = "rules.hardware:_require_possible", "rules.boards.clock:clock_range"
_TIME = "rules.actions.deadline_gate:deadline_gate"
_MACHINE = (f"{_EXPORT}:export", f"{_EXPORT}:emulate", f"{_EXPORT}:measure")

FACTS: tuple[Fact, ...] = (
    Fact(
        "",
        "profile",
        "profile",
        "input",
        "names the board in reports and gates",
        (f"{_EXPORT}:report", _GATE),
    ),
    Fact("title", "", "", "informative", "the board's name"),
    Fact("core.arch", "arch", "arch", "input", "platform of the image, emulator", _MACHINE),
    Fact("core.variant", "variant", "", "input", "platform of the image", (f"{_EXPORT}:export",)),
    Fact("core.triple", "triple", "", "input", "target of the compiler", (f"{_EXPORT}:export",)),
    Fact("core.cpu", "cpu", "cpu", "input", "target of the compiler", (f"{_EXPORT}:export",)),
    Fact("core.qemu", "qemu", "", "input", "gate `emulation`", (f"{_EXPORT}:emulate",)),
    Fact("core.qemu_cpu", "qemu_cpu", "", "input", "gate `emulation`", (f"{_EXPORT}:emulate",)),
    Fact(
        "uarch",
        "",
        "",
        "input",
        "instructions per cycle (gate `step_p99`); compared with the part number",
        (f"{_DETECT}:_core", _TIME),
    ),
    Fact(
        "cores",
        "cores",
        "cores",
        "input",
        "processes that step the agents of a program; online cores",
        (f"{_EXPORT}:link_for", f"{_DETECT}:_override"),
    ),
    Fact("mhz", "", "", "input", "highest clock of the cores", (_CLOCK,)),
    Fact("", "clock_mhz", "clock_mhz", "limit", "clock of the mode: gate `step_p99`", (_TIME,)),
    Fact("power_modes.name", "", "power_mode", "input", "clock and cores", (_CLOCK,)),
    Fact("", "power_mode", "", "input", "compared by `agent --doctor`", (_BOARD_FILE,)),
    Fact("power_modes.cores", "", "", "input", "cores of the mode", ("rules.hardware:hardware",)),
    Fact("power_modes.cpu_mhz", "", "", "input", "clock of the mode", (_CLOCK,)),
    Fact("power_modes.watts", "", "", "informative", "power budget of the mode"),
    Fact("power_modes.gpu_mhz", "", "", "informative", "agents use no GPU"),
    Fact(
        "memory_mib",
        "memory",
        "memory",
        "limit",
        "less `reserved`, it bounds `budget.memory` and the program (gate `fitness`)",
        (_FIT,),
    ),
    Fact("", "reserved", "reserved", "limit", "memory that is not for the program", (_FIT,)),
    Fact("memory_sold", "", "", "detection", "memory sizes", (f"{_DETECT}:_fitting_size",)),
    Fact("modules", "", "", "detection", "NVIDIA's module numbers", (f"{_DETECT}:_by_module",)),
    Fact(
        "compatible",
        "",
        "",
        "detection",
        "device-tree names; those of `measured` evidence must match",
        (f"{_DETECT}:_by_name", _TIME),
    ),
    Fact("", "modules", "", "input", "compared by `agent --doctor`", (_BOARD_FILE,)),
    Fact("", "names", "", "input", "compared by `agent --doctor`", (_BOARD_FILE,)),
    Fact(
        "caches.l1d_kib",
        "l1d",
        "caches.l1d",
        "informative",
        "data cache of one core: the order of loops suits all boards",
    ),
    Fact("caches.l2_kib", "l2", "caches.l2", "input", "second cache: gate `step_p99`", (_TIME,)),
    Fact("caches.l3_kib", "l3", "caches.l3", "input", "shared cache: gate `step_p99`", (_TIME,)),
    Fact(
        "storage_gb",
        "storage",
        "storage",
        "limit",
        "two images fit it during an update: `budget.image`, gate `fitness`",
        (_FIT, _GATE),
    ),
    Fact("storage", "", "", "informative", "kind of storage"),
    Fact("page_kib", "page_size", "page_size", "limit", "the program's segments", (_GATE,)),
    Fact(
        "software.kernel",
        "kernel",
        "kernel",
        "limit",
        "must have the program's system calls",
        (_POSSIBLE,),
    ),
    Fact(
        "software.l4t",
        "l4t",
        "l4t",
        "limit",
        "must run the base image's L4T line",
        (f"{_LIMITS}:_require_software", "rules.boards.l4t:software_of"),
    ),
    Fact(
        "software.cuda",
        "cuda",
        "",
        "limit",
        "must not be older than the base image's CUDA",
        (f"{_LIMITS}:_require_software",),
    ),
    Fact("software.jetpack", "", "", "informative", "JetPack versions of the line"),
    Fact("software.ubuntu", "", "", "informative", "distribution of the line"),
    Fact("software.python", "", "", "informative", "Python of the line"),
    Fact("software.base", "", "", "informative", "NVIDIA's base image of the line"),
    Fact(
        "memory_cgroup",
        "memory_cgroup",
        "memory_cgroup",
        "input",
        "whether the system enforces memory limits: gate `fitness`, report",
        (f"{_LIMITS}:cgroup_words",),
    ),
    Fact("accelerator.kind", "", "", "informative", "agents use no accelerator"),
    Fact("accelerator.cuda", "", "", "informative", "CUDA compute capability"),
    Fact("accelerator.cuda_cores", "", "", "informative", "agents use no accelerator"),
    Fact("accelerator.tensor_cores", "", "", "informative", "agents use no accelerator"),
    Fact("balena", "", "", "informative", "device type of balena"),
    Fact("caution", "", "", "informative", "a warning for the reader"),
    Fact("sources", "", "", "informative", "documents of the facts"),
)


def facts_of(name: str) -> tuple[Fact, ...]:
    """Return the rows of a field of the catalogue, those of its record included."""
    return tuple(fact for fact in FACTS if fact.board.partition(".")[0] == name)
