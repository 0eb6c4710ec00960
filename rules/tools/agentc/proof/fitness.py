"""Measure an image and its program against a board and a budget, statically: nothing is run.

`measure_image.py --program P --image DIR --arch arm64 [--max-image BYTES] [--max-memory BYTES] --out evidence.json`
The memory of a program without a heap is known: the sizes of its segments, and its stack.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentc.toolchain.elf import segments

LOAD, INTERP, DYNAMIC = 1, 3, 2  # p_type of a program header
STACK = 64 * 1024  # bytes, generous: the program does not recurse and keeps its arrays static


class Unfit(Exception):
    """The image or its program is not fit for the board."""


class OverBudget(Exception):
    """The image or its program is larger than the budget; `faults` are what, the key of the budget, and what to do."""

    def __init__(self, faults: Sequence[tuple[str, str, str]]) -> None:
        super().__init__("\n".join(what for what, _, _ in faults))
        self.faults = tuple(faults)


def evidence(program: bytes, image: Path) -> dict[str, Any]:
    """What is measured: architecture, static or not, bytes of memory, bytes of the image's blobs, user."""
    arch, found = segments(program)
    index = json.loads((image / "index.json").read_text())
    manifest = _blob(image, index["manifests"][0]["digest"])
    config = _blob(image, manifest["config"]["digest"])
    return {
        "arch": arch,
        "image_arch": config["architecture"],
        "image_bytes": sum(path.stat().st_size for path in (image / "blobs" / "sha256").iterdir()),
        "memory_bytes": sum(size for kind, size in found if kind == LOAD) + STACK,
        "static": not {INTERP, DYNAMIC} & {kind for kind, _ in found},
        "user": config["config"]["User"],
    }


def _blob(image: Path, digest: str) -> Any:
    return json.loads((image / "blobs" / digest.replace(":", "/")).read_text())


def check(found: dict[str, Any], arch: str, max_image: int, max_memory: int) -> None:
    """Unfit on anything that must not be, OverBudget with the numbers; a limit of 0 is none."""
    over = []
    faults = [
        f"{name.replace('_', ' ')} is {found[name]}, the board is {arch}"
        for name in ("arch", "image_arch")
        if found[name] != arch
    ]
    if not found["static"]:
        faults.append("the program wants a dynamic linker, and the image has none")
    if found["user"].split(":")[0] in ("", "0", "root"):
        faults.append("the image runs as the superuser")
    for name, limit in (("image_bytes", max_image), ("memory_bytes", max_memory)):
        key, have = name.split("_")[0], found[name]
        if limit and have > limit:
            way = f'raise it to {key} = "{-(-have // 1024)}KiB" or more, or make the agents smaller: storage = "smallest"'
            over.append((f"{key}: {have} bytes, the budget is {limit}", key, way))
    if faults:
        raise Unfit("\n".join(faults))
    if over:
        raise OverBudget(over)
