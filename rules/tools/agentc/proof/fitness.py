"""Fitness gate: static checks of an image and its program against board and budget.

A program without a heap has a known memory: the sizes of its segments and its stack.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentc.toolchain.elf import segments

LOAD, INTERP, DYNAMIC = 1, 3, 2  # p_type of a program header
STACK = 64 * 1024  # bytes, generous: the program does not recurse and keeps its arrays static


class UnfitError(Exception):
    """The image or its program does not fit the board."""


class BudgetError(Exception):
    """The image or program exceeds the budget; `errors` are (message, key of the budget,
    advice).
    """

    def __init__(self, errors: Sequence[tuple[str, str, str]]) -> None:
        super().__init__("\n".join(what for what, _, _ in errors))
        self.errors = tuple(errors)


def measure(program: bytes, image: Path) -> dict[str, Any]:
    """Measure architecture, static linking, memory, size of the image's blobs, and user."""
    arch, program_segments = segments(program)
    index = json.loads((image / "index.json").read_text())
    manifest = _blob(image, index["manifests"][0]["digest"])
    config = _blob(image, manifest["config"]["digest"])
    return {
        "arch": arch,
        "image_arch": config["architecture"],
        "image_bytes": sum(path.stat().st_size for path in (image / "blobs" / "sha256").iterdir()),
        "memory_bytes": sum(size for kind, size in program_segments if kind == LOAD) + STACK,
        "static": not {INTERP, DYNAMIC} & {kind for kind, _ in program_segments},
        "user": config["config"]["User"],
    }


def _blob(image: Path, digest: str) -> Any:
    return json.loads((image / "blobs" / digest.replace(":", "/")).read_text())


def check(measured: dict[str, Any], arch: str, max_image: int, max_memory: int) -> None:
    """Raise Unfit for a wrong image, OverBudget for exceeded limits; a limit of 0 means none."""
    over = []
    errors = [
        f"{name.replace('_', ' ')} is {measured[name]}, the board is {arch}"
        for name in ("arch", "image_arch")
        if measured[name] != arch
    ]
    if not measured["static"]:
        errors.append("the program requires a dynamic linker, and the image has none")
    if measured["user"].split(":")[0] in ("", "0", "root"):
        errors.append("the image runs as the superuser")
    for name, limit in (("image_bytes", max_image), ("memory_bytes", max_memory)):
        key, have = name.split("_")[0], measured[name]
        if limit and have > limit:
            way = (
                f'raise it to {key} = "{-(-have // 1024)}KiB" or more, or make the agents '
                'smaller: storage = "smallest"'
            )
            over.append((f"{key}: {have} bytes, the budget is {limit}", key, way))
    if errors:
        raise UnfitError("\n".join(errors))
    if over:
        raise BudgetError(over)
