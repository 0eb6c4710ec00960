"""Evidence that `agent --measure` printed on a device: read it, and judge it by the budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from readiness.deadline import KEY, Core, text_of
from readiness.evidence import Check

MAX_BYTES = 1 << 16
FEWEST = 1000
"""Steps of a measurement: fewer say little about one step in a hundred."""
FASTER = 1.02
"""A clock is above that of the power mode if it is this much higher."""
COARSE = 10
"""Least limit in readings of the clock."""
UNIT = "nanoseconds"
_TIMES = ("max", "min", "p50", "p99", "steps")


class NoEvidenceError(ValueError):
    """The file is no evidence of `agent --measure`; the message is for users."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Times of steps in nanoseconds, and the facts of the device and the program."""

    times: dict[str, int]
    program: str
    compatible: tuple[str, ...]
    model: str
    khz: int
    clock: str
    least: int


def parse(data: bytes) -> Measurement:
    """Parse the JSON of `agent --measure`; NoEvidenceError if it is something else."""
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES} bytes")
        document: Any = json.loads(data)
        if (document["schema"], document["gate"]) != (1, "step_p99"):
            raise ValueError("it is not evidence of the gate step_p99 with schema 1")
        (check,) = document["checks"]
        if check["unit"] != UNIT:
            raise ValueError("its unit is not nanoseconds")
        times = {name: _count(check["measured"][name]) for name in _TIMES}
        if not times["min"] <= times["p50"] <= times["p99"] <= times["max"]:
            raise ValueError("its times are not in order")
        board, clock = document["board"], document["clock"]
        compatible, models = _strings(board["compatible"]), _strings(board["model"])
        khz = int(_strings(board["khz"])[0]) if board["khz"] else 0
        (program, name) = _strings([document["program"], clock["name"]])
        least = _count(clock["least"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__} {error}"
        raise NoEvidenceError(f"it is not what `agent --measure` prints: {reason}") from None
    return Measurement(times, program, compatible, " ".join(models), khz, name, least)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def _strings(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{values!r} is no list of texts")
    return tuple(values)


def judge(
    measurement: Measurement, program: str, core: Core, compatible: Sequence[str], limit: int
) -> Check:
    """Return the check of a measurement; one of another program, board or clock is not checked."""
    times, device = measurement.times, measurement.model or core.board
    how = f"agent --measure: {times['steps']} steps, {measurement.clock}"
    check = Check("step_p99", "passed", how, device, times, limit, UNIT, key=KEY)
    why = _mismatch(measurement, program, core, compatible, limit)
    if why:
        fix = "copy the program of this export to the board, and run `agent --measure` again"
        return replace(check, verdict="not checked", why=why, fix=fix)
    if times["p99"] <= limit:
        return check
    why = (
        f"one step in a hundred takes {times['p99']} ns or more on {device}, and the budget is "
        f"{text_of(limit)}"
    )
    fix = (
        f'raise budget.step_p99 to "{-(-times["p99"] // 1000)}us" or more, or make a step '
        "smaller: a shorter policy_len, plan_every, fewer policies"
    )
    return replace(check, verdict="failed", why=why, fix=fix)


def _mismatch(
    measurement: Measurement, program: str, core: Core, compatible: Sequence[str], limit: int
) -> str:
    """Return the reason for which a measurement says nothing about this export, or ""."""
    steps, mhz = measurement.times["steps"], measurement.khz // 1000
    if measurement.program != program:
        other = measurement.program[:12] or "without a digest"
        return f"the evidence is of the program {other}, and this one is {program[:12]}"
    if compatible and not set(compatible) & set(measurement.compatible):
        names = ", ".join(measurement.compatible) or "without a device tree"
        return f"the evidence is of another board ({names}), and {core.board} is {compatible[0]}"
    if core.mhz[0] and mhz > core.mhz[0] * FASTER:
        return f"it was measured at {mhz} MHz, and {core.board} may run at {core.mhz[0]} MHz"
    if steps < FEWEST:
        return f"it has {steps} steps, and one in a hundred is judged of {FEWEST} or more"
    if measurement.least * COARSE > limit:
        return f"its clock shows {measurement.least} ns at least, too much for {text_of(limit)}"
    return ""
