"""Checks of the gate `fitness`: an image and its program against board and budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from readiness.evidence import Check

IMAGE, PROGRAM = "the image", "the program"
CONFIG, HEADERS = "configuration of the image", "headers of the ELF file"


def checks(measured: dict[str, Any], arch: str, max_image: int, max_memory: int) -> list[Check]:
    """Return the checks of sizes that `agentc.proof.fitness.measure` gave; a limit of 0 is none."""
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
    results.append(_limited(size, measured["image_bytes"], max_image))
    results.append(_limited(memory, measured["memory_bytes"], max_memory))
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


def _limited(check: Check, measured: int, limit: int) -> Check:
    check = replace(check, measured=measured, limit=limit or None)
    if not limit or measured <= limit:
        return check
    fix = (
        f'raise it to {check.name} = "{-(-measured // 1024)}KiB" or more, or make the agents '
        'smaller: storage = "smallest"'
    )
    why = f"{measured} bytes, the budget is {limit}"
    return replace(check, verdict="failed", why=why, fix=fix)
