"""Sizes of an image and its program, without running them.

A program without a heap has a known memory: the sizes of its segments and its stack.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agentc.toolchain.elf import loads, segments

LOAD, INTERP, DYNAMIC = 1, 3, 2  # p_type of a program header
STACK = 64 * 1024  # bytes, generous: the program does not recurse and keeps its arrays static


def worker_bytes(program: bytes, workers: int) -> int:
    """Return the memory of the workers besides the first process, at most: variables and stack."""
    own = sum(one.size for one in loads(program) if one.is_writable)
    return (workers - 1) * (own + STACK) if workers > 1 else 0


def measure(program: bytes, image: Path, workers: int = 1) -> dict[str, Any]:
    """Measure architecture, static linking, memory, size of the image's blobs, and user."""
    arch, program_segments = segments(program)
    index = json.loads((image / "index.json").read_text())
    manifest = _blob(image, index["manifests"][0]["digest"])
    config = _blob(image, manifest["config"]["digest"])
    return {
        "arch": arch,
        "image_arch": config["architecture"],
        "image_bytes": sum(path.stat().st_size for path in (image / "blobs" / "sha256").iterdir()),
        "memory_bytes": sum(size for kind, size in program_segments if kind == LOAD)
        + STACK
        + worker_bytes(program, workers),
        "static": not {INTERP, DYNAMIC} & {kind for kind, _ in program_segments},
        "user": config["config"]["User"],
    }


def _blob(image: Path, digest: str) -> Any:
    return json.loads((image / "blobs" / digest.replace(":", "/")).read_text())
