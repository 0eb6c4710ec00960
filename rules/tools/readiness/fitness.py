"""Checks of the gate `fitness`: an image and its program against board and budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from readiness.evidence import Check

IMAGE, PROGRAM = "the image", "the program"
CONFIG, HEADERS = "configuration of the image", "headers of the ELF file"


@dataclass(frozen=True)
class Limits:
    """The budget of an export in bytes; 0 is none."""

    image: int = 0
    memory: int = 0


def checks(
    measured: dict[str, Any], arch: str, limits: Limits, agents: Mapping[str, int]
) -> list[Check]:
    """Return the checks of sizes that `agentc.proof.fitness.measure` gave.

    `agents` are the bytes in memory of each agent's code and tables.
    """
    results = [
        _compare(Check("arch", "passed", HEADERS, PROGRAM, measured["arch"], arch)),
        _compare(Check("image arch", "passed", CONFIG, IMAGE, measured["image_arch"], arch)),
        *_program_and_user(measured),
    ]
    size = Check("image", "passed", "sizes of all blobs", IMAGE, key="budget.image", unit="bytes")
    memory = Check(
        "memory",
        "passed",
        "segments of the ELF file, and 64 KiB of stack",
        PROGRAM,
        key="budget.memory",
        unit="bytes",
    )
    results.append(_limited(size, measured["image_bytes"], limits.image, {}))
    results.append(_limited(memory, measured["memory_bytes"], limits.memory, agents))
    return results


def _compare(check: Check) -> Check:
    if check.measured == check.limit:
        return check
    why = f"the board is {check.limit}, and this is {check.measured}"
    return replace(check, verdict="failed", why=why)


def _program_and_user(measured: dict[str, Any]) -> Iterator[Check]:
    linked = Check("static", "passed", HEADERS, PROGRAM, measured["static"], True)
    why = "the program requires a dynamic linker, and the image has none"
    yield linked if measured["static"] else replace(linked, verdict="failed", why=why)
    user = Check("user", "passed", CONFIG, IMAGE, measured["user"])
    is_root = measured["user"].split(":")[0] in ("", "0", "root")
    why = "the image runs as the superuser"
    yield replace(user, verdict="failed", why=why) if is_root else user


def _limited(check: Check, measured: int, limit: int, agents: Mapping[str, int]) -> Check:
    check = replace(check, measured=measured, limit=limit or None)
    if not limit or measured <= limit:
        return check
    have, most = format_bytes(measured), format_bytes(limit)
    if have == most:
        have, most = f"{measured} bytes", f"{limit} bytes"
    why = f"needs {have}, the budget says {most}"
    ways = [f'raise {check.key} to "{-(-measured // 1024)}KiB"']
    if len(agents) > 1:
        name = _to_drop(agents, measured - limit)
        ways.append(f"drop agent `{name}`, {format_bytes(agents[name])}")
    ways.append('make the agents smaller: storage = "smallest"')
    return replace(check, verdict="failed", why=why, fix=", or ".join(ways))


def _to_drop(agents: Mapping[str, int], excess: int) -> str:
    """Return the smallest agent without which the rest fits, or else the largest one."""
    enough = [name for name, size in agents.items() if size >= excess]
    if enough:
        return min(enough, key=lambda name: (agents[name], name))
    return max(agents, key=lambda name: (agents[name], name))


def format_bytes(count: int) -> str:
    """Return a size with its unit, such as "37 MiB" or "1.4 KiB"; exact below 1 KiB."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} bytes"
