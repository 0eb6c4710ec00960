"""Checks of the gate `step_p99`: a limit of time against counted instructions, or a measurement.

Without the board no time is known. The limit is expressed in instructions instead: what a core
completes in it at its lowest clock with few instructions per cycle, and at its highest clock with
as many as it can issue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from readiness.evidence import Check, Verdict

CACHED = 256 << 10
"""Bytes of the caches where they are unknown: no board of the catalogue has less in its second one.
"""
SLOWER = 4
"""Divisor of the instructions per cycle of a program that does not fit."""
KEY = "budget.step_p99"
UNIT = "instructions a step"


@dataclass(frozen=True, slots=True)
class Core:
    """The core of a board: name, clock in MHz (0 if unknown), instructions per 1000 cycles."""

    board: str
    name: str
    mhz: tuple[int, int]
    ipc: tuple[int, int]
    source: str  # of the instructions per cycle

    def instructions(self, nanoseconds: int) -> tuple[int, int]:
        """Return the least and the most instructions that the core completes in a time."""
        low, high = (nanoseconds * mhz * ipc // 1_000_000 for mhz, ipc in zip(self.mhz, self.ipc))
        return low, high

    def nanoseconds(self, instructions: int) -> tuple[int, int]:
        """Return the least and the most time of some instructions, rounded up."""
        fast, slow = (
            -(-instructions * 1_000_000 // (mhz * ipc))
            for mhz, ipc in zip(self.mhz[::-1], self.ipc[::-1])
        )
        return fast, slow

    @property
    def text(self) -> str:
        """Return the core in words."""
        low, high = self.mhz
        clock = f"{low} MHz" if low == high else f"{low} to {high} MHz"
        low, high = self.ipc
        return f"{self.name} at {clock}, {low / 1000:g} to {high / 1000:g} instructions per cycle"


def of_program(core: Core, size: int, caches: int) -> Core:
    """Return the core as it runs a program of `size` bytes; a large one waits for memory."""
    if size <= (caches or CACHED):
        return core
    return replace(core, ipc=(core.ipc[0] // SLOWER, core.ipc[1]))


def judge_counts(counts: Mapping[str, Any], core: Core, limit: int) -> Check:
    """Return the check of a limit in nanoseconds against counted steps."""
    check = Check(
        "step_p99", "not checked", "", f"emulated {core.name}", limit=limit, unit=UNIT, key=KEY
    )
    if "why" in counts:
        return replace(
            check,
            how="instructions of steps",
            why=f"no instructions were counted: {counts['why']}",
            fix=f"install a QEMU whose user mode loads plugins, or {_measure_on(core)}",
        )
    check = replace(check, how=_how(counts), measured=_measured(counts))
    if core.mhz[0]:
        return _compare(check, counts["instructions"], core, limit)
    return replace(
        check,
        why=f"the clock of {core.board} is unknown, and no step was measured on the board",
        fix=f"give `clock_mhz` or a power_mode whose clock is known, or {_measure_on(core)}",
    )


def _measure_on(core: Core) -> str:
    file = f"{core.board}.json"
    return f'run `agent --measure > {file}` on the board, and write measured = "{file}"'


def _compare(check: Check, counted: Mapping[str, int], core: Core, limit: int) -> Check:
    """Judge counts on a core whose clock is known."""
    least, most = core.instructions(limit)
    span = f"{text_of(limit)} are {least} to {most} instructions of a {core.text}"
    document = {"nanoseconds": limit, "least": least, "most": most}
    check = replace(check, limit={**document, "core": core.text, "source": core.source})
    p99, worst = counted["p99"], counted["worst"]
    if worst <= least:
        return _judged(check, "passed", "feasible")
    if p99 <= most:
        why = (
            f"too close to call: 99 % of the steps take up to {p99} instructions, the worst "
            f"case {worst}, and {span}"
        )
        check = replace(check, why=why, fix=_measure_on(core))
        return _judged(check, "not checked", "too close to call")
    why = f"infeasible: one step in a hundred takes {p99} instructions or more, and {span}"
    enough = text_of(_round_up(core.nanoseconds(p99)[1]))
    fix = (
        f'raise budget.step_p99 to "{enough}", select a faster power_mode, or make a step '
        "smaller: a shorter policy_len, plan_every, fewer policies"
    )
    return _judged(replace(check, why=why, fix=fix), "failed", "infeasible")


def _judged(check: Check, verdict: Verdict, judgement: str) -> Check:
    measured = check.measured if isinstance(check.measured, dict) else {}
    return replace(check, verdict=verdict, measured={**measured, "judgement": judgement})


def _how(counts: Mapping[str, Any]) -> str:
    steps = counts["steps"]
    return (
        f"instructions of {steps['probe']} steps of the probe set and {steps['environment']} of "
        f"the models' environments, counted by the {counts['method']} of {counts['emulator']} "
        f"-cpu {counts['core']}"
    )


def _measured(counts: Mapping[str, Any]) -> dict[str, Any]:
    return {**counts["instructions"], "loops": counts["loops"]}


def text_of(nanoseconds: int) -> str:
    """Return a time as BUILD.toml writes it, such as "5ms"."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return f"{nanoseconds}ns"


def _round_up(nanoseconds: int) -> int:
    """Round up to two digits."""
    scale: int = 10 ** max(0, len(str(nanoseconds)) - 2)
    return -(-nanoseconds // scale) * scale
