"""Checks of the gate `emulation`: a program's bits equal those of the proof."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentc.proof.emulation import BitsDiffer, run
from readiness.evidence import Check


@dataclass(frozen=True)
class Machine:
    """The machine of a run: `how` a program is started, and `on` what."""

    how: str
    on: str


def machine(words: Sequence[str]) -> Machine:
    """Return the machine of a command's first words: an emulator with `-cpu`, or this host."""
    if not words:
        return Machine("the program itself", "this host")
    core = words[words.index("-cpu") + 1] if "-cpu" in words[:-1] else "processor"
    return Machine(" ".join([words[0].rpartition("/")[2], *words[1:]]), f"emulated {core}")


def replay_check(name: str, where: Machine, replay: Callable[[], dict[str, Any]]) -> Check:
    """Return the check of one agent, from a replay that raises BitsDiffer when a bit differs."""
    check = Check(f"bits of {name}", "passed", where.how, where.on, unit="SHA-256 of all replies")
    try:
        return replace(check, measured=replay()["bits"])
    except (BitsDiffer, subprocess.TimeoutExpired) as error:
        return replace(check, verdict="failed", why=str(error))


def selftest_check(command: Sequence[str], where: Machine) -> Check:
    """Return the check of a program's own test, which replays the steps that it has inside."""
    check = Check("selftest", "passed", f"{where.how}, --selftest", where.on)
    try:
        run([*command, "--selftest"])
    except (BitsDiffer, subprocess.TimeoutExpired) as error:
        return replace(check, verdict="failed", why=str(error))
    return check
