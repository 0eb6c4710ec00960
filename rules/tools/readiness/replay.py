"""Checks of the gate `emulation`: a program's bits equal those of the proof."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentc.proof.emulation import BitsDiffer, Killed, run
from readiness.evidence import Check


@dataclass(frozen=True)
class Machine:
    """The machine of a run: `how` a program is started, and `on` what."""

    how: str
    on: str
    built_for: str = ""  # the core that a program was compiled for


def machine(words: Sequence[str], built_for: str = "") -> Machine:
    """Return the machine of a command's first words: an emulator with `-cpu`, or this host."""
    if not words:
        return Machine("the program itself", "this host", built_for)
    core = words[words.index("-cpu") + 1] if "-cpu" in words[:-1] else "processor"
    return Machine(
        " ".join([words[0].rpartition("/")[2], *words[1:]]), f"emulated {core}", built_for
    )


def replay_check(name: str, where: Machine, replay: Callable[[], dict[str, Any]]) -> Check:
    """Return the check of one agent, from a replay that raises BitsDiffer when a bit differs."""
    check = Check(f"bits of {name}", "passed", where.how, where.on, unit="SHA-256 of all replies")
    try:
        return replace(check, measured=replay()["bits"])
    except (BitsDiffer, subprocess.TimeoutExpired) as error:
        return _failed(check, error, f"agent {name}", where)


def selftest_check(command: Sequence[str], where: Machine) -> Check:
    """Return the check of a program's own test, which replays the steps that it has inside."""
    check = Check("selftest", "passed", f"{where.how}, --selftest", where.on)
    try:
        run([*command, "--selftest"])
    except (BitsDiffer, subprocess.TimeoutExpired) as error:
        return _failed(check, error, "--selftest", where)
    return check


def _failed(check: Check, error: Exception, what: str, where: Machine) -> Check:
    """Return the failed check; a signal is named with what ran, and on which core."""
    if not isinstance(error, Killed):
        return replace(check, verdict="failed", why=str(error))
    name, fix = f"signal {error.number}", ""
    if error.number in [one.value for one in signal.Signals]:
        name = signal.Signals(error.number).name
    built = f", and was compiled for {where.built_for}" if where.built_for else ""
    if error.number == signal.SIGILL:
        name = "SIGILL (an instruction that the core does not have)"
        fix = "let `hardware` name the core of the board"
    why = f"{what}: the program was killed by {name} on {where.on}{built}"
    return replace(check, verdict="failed", measured=name.partition(" (")[0], why=why, fix=fix)
