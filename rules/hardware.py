"""The rule `hardware`: the fields of a board that the compiler, the image and the gates need."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import BuildError, Ctx, Provider, Size, did_you_mean, rule

from .boards.catalogue import BOARDS
from .boards.clock import clock_range
from .boards.microcontrollers import MICROS


@dataclass(frozen=True)
class Hardware(Provider):
    """A board for exports. Actions receive single fields, so an unused field rebuilds nothing."""

    profile: str
    arch: str  # of the OCI platform: amd64, arm64
    variant: str  # of the OCI platform: v8, or empty
    triple: str  # of the cross compiler
    cpu: str  # of the cross compiler
    qemu: str  # the emulator's program, or empty where the host's kind runs it
    qemu_cpu: str  # the emulator's nearest core
    cores: int
    memory: int  # bytes of RAM
    power_mode: str
    clock_mhz: tuple[int, int] = (0, 0)  # lowest and highest of the cores; (0, 0) if unknown


@rule
def hardware(
    ctx: Ctx, profile: str, power_mode: str = "", memory: Size | None = None, cores: int = 0
) -> Hardware:
    """Extend a board of the catalogue; override what differs on yours. Power modes go by name."""
    board = BOARDS.get(profile)
    if board is None:
        hint = (
            "this is the core of a microcontroller: use the rule `firmware`"
            if profile in MICROS
            else did_you_mean(profile, BOARDS) or f"the catalogue has {', '.join(sorted(BOARDS))}"
        )
        raise BuildError(f"no hardware profile {profile!r}", ctx.target.place("profile"), hint)
    modes = [mode.name for mode in board.power_modes]
    if power_mode and power_mode not in modes:
        hint = (
            did_you_mean(power_mode, modes) or f"it has {', '.join(modes) or 'none that is known'}"
        )
        raise BuildError(
            f"{profile} has no power mode {power_mode!r}", ctx.target.place("power_mode"), hint
        )
    core = board.core
    return Hardware(
        profile,
        core.arch,
        core.variant,
        core.triple,
        core.cpu,
        core.qemu,
        core.qemu_cpu,
        cores or board.cores,
        int(memory or board.memory_mib << 20),
        power_mode,
        clock_range(board, power_mode),
    )
