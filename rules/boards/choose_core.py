"""Choice of a core by the compiler's name, and of the emulated core that runs its programs."""

from __future__ import annotations

from buildgraph import did_you_mean

from .cores import FITTING
from .types import Core, core

ALIASES = {
    "aarch64": "arm64",
    "armv8": "arm64",
    "armv7": "arm",
    "armhf": "arm",
    "arm32": "arm",
    "x86_64": "amd64",
    "x86-64": "amd64",
    "rv64": "riscv64",
    "risc-v": "riscv64",
}
"""Other names of OCI architectures."""


_AGES: dict[str, int] = {
    "arm1176": 0,
    "cortex-a8": 1,
    "cortex-a9": 2,
    "cortex-a7": 3,
    "cortex-a15": 3,
    "cortex-a76": 1,
    "neoverse-n1": 1,
}
"""Emulated Arm cores by age within an architecture; those that are missing are ARMv8.0: 0."""


class UnknownCoreError(Exception):
    """No core for a name; `key` is the wrong key of the table, `fix` says what to write."""

    def __init__(self, what: str, key: str, fix: str) -> None:
        super().__init__(what)
        self.key, self.fix = key, fix


def choose_core(cpu: str, arch: str = "") -> Core:
    """Return a core by the compiler's name, also written with dashes; UnknownCoreError without one.

    `arch` is an OCI architecture. It is needed where 64-bit and 32-bit cores have one name.
    """
    if arch and arch not in FITTING:
        near = ALIASES.get(arch.lower(), "")
        fix = f"did you mean {near!r}?" if near else did_you_mean(arch, FITTING)
        raise UnknownCoreError(f"no architecture {arch!r}", "arch", fix or f"one of {_names()}")
    name = cpu.replace("-", "_")
    known = _emulated(name)
    if not known:
        near = did_you_mean(name, [one for group in FITTING.values() for one in _all(group)])
        fix = near or "`python3 -m ziglang targets` lists the compiler's cores"
        raise UnknownCoreError(f"the compiler has no core {cpu!r}", "cpu", fix)
    if arch not in known and (arch or len(known) > 1):
        raise _ambiguous(cpu, arch, known)
    arch = arch or next(iter(known))
    if not known[arch]:
        raise UnknownCoreError(
            f"no emulated core has all instructions of {cpu!r}, so its programs cannot be proved",
            "cpu",
            f"name an older core of its family, such as {_newest(arch)!r}: its programs run on "
            "your board too",
        )
    return core(arch, name, known[arch])


def runs_on(program: Core, board: Core) -> bool:
    """True if a board's core has all instructions of the core that a program is compiled for.

    Only Arm cores are compared. A profile of another processor accepts every core.
    """
    if board.arch not in ("arm", "arm64"):
        return True
    newest = 4 if board.arch == "arm" else 0  # `max` is ARMv8 in the 32-bit emulator
    ages = [_AGES.get(core.qemu_cpu, newest) for core in (program, board)]
    return ages[0] <= ages[1]


def _all(groups: object) -> list[str]:
    assert isinstance(groups, dict)
    return [name for names in groups.values() for name in names.split()]


def _emulated(name: str) -> dict[str, str]:
    """Return the emulated core ('' for none) of each architecture that has a core of the name."""
    return {
        arch: emulated
        for arch, groups in FITTING.items()
        for emulated, names in groups.items()
        if name in names.split()
    }


def _ambiguous(cpu: str, arch: str, known: dict[str, str]) -> UnknownCoreError:
    has = " and ".join(known)
    if arch:
        return UnknownCoreError(f"{cpu!r} is no core of {arch}", "arch", f"it is one of {has}")
    return UnknownCoreError(
        f"{cpu!r} is a core of {has}", "cpu", "say which with `arch`: what the system runs"
    )


def _newest(arch: str) -> str:
    """Return the most able core with an emulator that a user would compile for."""
    return {"arm64": "cortex_a76", "amd64": "x86_64_v3", "arm": "cortex_a7"}.get(
        arch, "baseline_rv64"
    )


def _names() -> str:
    return ", ".join(FITTING)
