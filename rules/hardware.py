"""The rule `hardware`: a board of the catalogue or one's own, as exports read it."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import BuildError, Ctx, Provider, Size, did_you_mean, rule

from .boards.catalogue import BOARDS
from .boards.choose_core import UnknownCoreError, choose_core, runs_on
from .boards.clock import clock_range
from .boards.kernel import FIRST, NEEDED, VERSION, version
from .boards.l4t import software_of
from .boards.microcontrollers import MICROS
from .boards.types import Board, Caches, Core, PowerMode, Software

RESERVED = 128 << 20
"""Bytes of memory for kernel, system services and container engine, unless the table says
otherwise (source: reserve).
"""

_UNITS = (
    *(("GiB", 2**30), ("GB", 10**9), ("MiB", 2**20)),
    *(("MB", 10**6), ("KiB", 2**10), ("KB", 10**3)),
)


@dataclass(frozen=True)
class Hardware(Provider):
    """A board for exports. Actions receive single fields, so an unused field rebuilds nothing.

    `rules.boards.facts` lists the readers of each field. 0, "" and None are unknown facts.
    """

    profile: str  # of the catalogue, or the name of the target
    arch: str  # of the OCI platform: amd64, arm, arm64, riscv64
    variant: str  # of the OCI platform: v8, v7, v6, or empty
    triple: str  # of the cross compiler
    cpu: str  # of the cross compiler
    qemu: str  # the emulator's program
    qemu_cpu: str  # the emulator's nearest core
    cores: int  # online in the power mode
    memory: int  # bytes of RAM
    power_mode: str
    clock_mhz: tuple[int, int] = (0, 0)  # lowest and highest of the cores; (0, 0) if unknown
    reserved: int = RESERVED  # bytes of RAM that are not for the program
    storage: int = 0  # bytes
    l1d: int = 0  # bytes of the data cache of one core
    l2: int = 0  # bytes
    l3: int = 0  # bytes
    page_size: int = 0  # bytes of the kernel's largest page
    kernel: str = ""  # first version that the board may have
    l4t: str = ""  # release of NVIDIA's system software
    cuda: str = ""  # of that release
    memory_cgroup: bool | None = None  # False: the system ignores memory limits
    names: tuple[str, ...] = ()  # in the device tree
    modules: tuple[str, ...] = ()  # NVIDIA's p-numbers, which are parts of such names

    @property
    def available(self) -> int:
        """Bytes of memory for the program."""
        return self.memory - self.reserved


@dataclass(frozen=True)
class CacheSizes:
    """Caches of a core: its own for data, the second, and the shared third; 0 for none."""

    l1d: Size = Size(0)
    l2: Size = Size(0)
    l3: Size = Size(0)


@rule
def hardware(
    ctx: Ctx,
    profile: str = "",
    power_mode: str = "",
    memory: Size | None = None,
    cores: int = 0,
    cpu: str = "",
    arch: str = "",
    reserved: Size | None = None,
    clock_mhz: int = 0,
    storage: Size | None = None,
    caches: CacheSizes = CacheSizes(),
    page_size: Size | None = None,
    kernel: str = "",
    l4t: str = "",
    memory_cgroup: bool | None = None,
) -> Hardware:
    """A board: a `profile` of the catalogue with what differs on yours, or one of your own.

    A board of your own has `cpu`, a core in the compiler's spelling, and `memory`; where a 64-bit
    and a 32-bit core have one name, `arch` (amd64, arm, arm64, riscv64) says which. A power mode
    goes by its name. `reserved` ("128MiB") is memory for the system, `storage` the space for
    images, `caches = { l1d = "32KiB", l2 = "1MiB" }` those of a core, `page_size` and `kernel`
    ("5.15") are the system's, `l4t` ("36.4.3") is the release on a Jetson, and `memory_cgroup =
    false` a system that ignores memory limits. `buildgraph hardware show PROFILE` lists the readers
    of each fact.
    """
    board = _board(ctx, profile, cpu, memory)
    mode = _mode(ctx, board, power_mode)
    core = _core(ctx, board, cpu, arch) if cpu or arch else board.core
    software = _software(ctx, board, l4t)
    kib = board.caches or Caches()
    clock = (clock_mhz, clock_mhz) if clock_mhz else clock_range(board, power_mode)
    result = Hardware(
        profile or ctx.label.name,
        core.arch,
        core.variant,
        core.triple,
        core.cpu,
        core.qemu,
        core.qemu_cpu,
        cores or mode.cores or board.cores,
        int(memory or board.memory_mib << 20),
        power_mode,
        clock,
        RESERVED if reserved is None else int(reserved),
        int(storage or board.storage_gb * 10**9),
        int(caches.l1d or kib.l1d_kib << 10),
        int(caches.l2 or kib.l2_kib << 10),
        int(caches.l3 or kib.l3_kib << 10),
        int(page_size or board.page_kib << 10),
        kernel or software.kernel,
        l4t,
        software.cuda,
        board.memory_cgroup if memory_cgroup is None else memory_cgroup,
        board.compatible,
        tuple(board.modules),
    )
    _require_possible(ctx, result, reserved)
    return result


def _board(ctx: Ctx, profile: str, cpu: str, memory: Size | None) -> Board:
    """Return the profile, or the empty board that a table of its own fills."""
    if profile in BOARDS:
        return BOARDS[profile]
    if profile:
        hint = (
            "this is the core of a microcontroller: use the rule `firmware`"
            if profile in MICROS
            else did_you_mean(profile, BOARDS)
            or f"the catalogue has {', '.join(sorted(BOARDS))}; a board of your own has `cpu` and "
            "`memory` instead"
        )
        raise BuildError(f"no hardware profile {profile!r}", ctx.target.place("profile"), hint)
    missing = [name for name, value in (("cpu", cpu), ("memory", memory)) if not value]
    if missing:
        raise BuildError(
            f"{ctx.label} has no profile, and it lacks {' and '.join(missing)}",
            ctx.target.place(),
            'name a `profile` of `buildgraph hardware list`, or write cpu = "cortex_a53" and '
            'memory = "1GiB"',
        )
    return Board(ctx.label.name, Core("", "", "", "", "", ""), cpu, 1, 0, {})


def _mode(ctx: Ctx, board: Board, power_mode: str) -> PowerMode:
    if not power_mode:
        return PowerMode("")
    modes = {mode.name: mode for mode in board.power_modes}
    if power_mode not in modes:
        hint = (
            did_you_mean(power_mode, modes) or f"it has {', '.join(modes) or 'none that is known'}"
        )
        raise BuildError(
            f"{board.title} has no power mode {power_mode!r}", ctx.target.place("power_mode"), hint
        )
    return modes[power_mode]


def _core(ctx: Ctx, board: Board, cpu: str, arch: str) -> Core:
    """Return the core that the table names; without `arch`, that of the profile decides."""
    own = board.core
    try:
        core = choose_core(cpu or own.cpu, arch or own.arch)
        if core.arch == own.arch and not runs_on(core, own):
            raise UnknownCoreError(
                f"{board.title} has not all instructions of {cpu!r}",
                "cpu",
                f"its core is {own.cpu!r}; name it or an older one",
            )
        return core
    except UnknownCoreError as error:
        raise BuildError(str(error), ctx.target.place(error.key), error.fix) from error


def _software(ctx: Ctx, board: Board, l4t: str) -> Software:
    """Return the line of system software; without a release, what all lines of the board have."""
    if not l4t:
        oldest = min((version(line.kernel) for line in board.software if line.kernel), default=())
        return Software("", "", "", "", "", "", ".".join(map(str, oldest)))
    lines = board.software
    line = software_of(l4t, lines)
    if line is None or not VERSION.fullmatch(l4t):
        hint = (
            f"its lines are {', '.join(one.l4t for one in lines)}: /etc/nv_tegra_release"
            if lines
            else "only a Jetson has one"
        )
        raise BuildError(f"{board.title} has no L4T release {l4t!r}", ctx.target.place("l4t"), hint)
    return line


def _require_possible(ctx: Ctx, board: Hardware, reserved: Size | None) -> None:
    """Raise BuildError for values that no board has, each at its own key."""
    wrong: list[tuple[bool, str, str, str]] = [
        (board.cores < 1, "cores", f"{board.cores} cores", "a board has 1 core or more"),
        (
            board.clock_mhz[0] < 0,
            "clock_mhz",
            f"{board.clock_mhz[0]} MHz",
            "write 1500 for 1.5 GHz",
        ),
        (
            bool(board.page_size) and board.page_size not in (4096, 16384, 65536),
            "page_size",
            f"a page of {board.page_size} bytes",
            'Linux has pages of "4KiB", "16KiB" or "64KiB": `getconf PAGESIZE`',
        ),
        (
            bool(board.kernel) and not VERSION.fullmatch(board.kernel),
            "kernel",
            f"kernel {board.kernel!r} is not a version",
            'write it like "5.15": `uname -r`',
        ),
        (
            board.available <= 0,
            "memory" if reserved is None else "reserved",
            f"{size(board.memory)} of memory, and {size(board.reserved)} of it are reserved for "
            "kernel, system services and container engine",
            "correct the memory, or say with `reserved` what your system takes",
        ),
    ]
    for is_wrong, key, what, fix in wrong:
        if is_wrong:
            raise BuildError(f"{ctx.label}: {what}", ctx.target.place(key), fix)
    if board.kernel and version(board.kernel) < FIRST:
        first = ".".join(map(str, FIRST))
        raise BuildError(
            f"{ctx.label}: kernel {board.kernel} has no system call {NEEDED.lower()}, which the "
            "program needs",
            ctx.target.place("kernel"),
            f"Linux has it since {first}: update the board's system",
        )


def size(count: int) -> str:
    """Return bytes as BUILD.toml writes them, in the largest unit that divides them."""
    for unit, bytes_ in _UNITS:
        if count and count % bytes_ == 0:
            return f"{count // bytes_}{unit}"
    return f"{count}B"
