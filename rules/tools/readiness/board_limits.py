"""Checks of the gate `fitness` against the facts of a board: memory, storage, pages, cgroup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentc.proof.fitness import STACK, worker_bytes
from agentc.toolchain.elf import loads
from ociimage.unpack import unpacked
from readiness.evidence import Check

KEY = "hardware"
PAGE = 4096  # bytes, where the board's pages are not known
OFF = (
    "the board's system ignores memory limits of containers by default; the program needs none, "
    "because all its memory is static"
)


@dataclass(frozen=True)
class Board:
    """Known facts of a board; 0 and "" mean unknown.

    `memory` are the bytes for the program. `storage` are the bytes for one image: during an update
    the board stores the image that runs and the new one.
    """

    name: str
    memory: int = 0
    storage: int = 0
    page_size: int = 0
    memory_cgroup: str = ""


def checks(program: bytes, image: Path, board: Board, workers: int = 1) -> Iterator[Check]:
    """Yield a check for each fact of the board that is known."""
    if board.memory:
        yield _memory(program, board, workers)
    if board.storage:
        yield _storage(image, board)
    if board.page_size:
        yield _pages(program, board)
    if board.memory_cgroup:
        off = board.memory_cgroup == "off"
        yield Check(
            "memory limit",
            "passed",
            "what is known of the board's system",
            board.name,
            "not enforced" if off else "enforced",
            why=OFF if off else "",
            fix="add cgroup_enable=memory to the kernel's command line" if off else "",
            key=KEY,
        )


def mapped(program: bytes, page: int) -> int:
    """Return the bytes of memory that a program takes: whole pages of its segments, and a stack."""
    total = STACK
    for one in loads(program):
        first, last = one.address // page, -(-(one.address + one.size) // page)
        total += (last - first) * page
    return total


def stored(image: Path) -> int | None:
    """Return the bytes that an engine stores of an image: blobs and unpacked layers.

    None if a layer is compressed by zstd, which the standard library cannot unpack.
    """
    blobs = image / "blobs"
    index = json.loads((image / "index.json").read_text())
    manifest = _document(blobs, index["manifests"][0]["digest"])
    total = sum(path.stat().st_size for path in (blobs / "sha256").iterdir())
    for layer in manifest["layers"]:
        if layer["mediaType"].endswith("zstd"):
            return None
        path = blobs / layer["digest"].replace(":", "/")
        total += sum(map(len, unpacked(path, layer["mediaType"])))
    return total


def _document(blobs: Path, digest: str) -> Any:
    return json.loads((blobs / digest.replace(":", "/")).read_text())


def _memory(program: bytes, board: Board, workers: int) -> Check:
    page = board.page_size or PAGE
    needed = mapped(program, page) + worker_bytes(program, workers)
    check = Check(
        "board memory",
        "passed",
        f"segments of the ELF file in pages of {page} bytes, and 64 KiB of stack",
        "the program",
        needed,
        board.memory,
        "bytes",
        key=KEY,
    )
    if needed <= board.memory:
        return check
    return replace(
        check,
        verdict="failed",
        why=f"the program needs {_kib(needed)}, and {board.name} has {_kib(board.memory)} for it",
        fix='name a board with more memory, or make the agents smaller: storage = "smallest"',
    )


def _storage(image: Path, board: Board) -> Check:
    needed = stored(image)
    check = Check(
        "board storage",
        "passed",
        "blobs and unpacked layers; the board stores two images during an update",
        "the image",
        needed,
        board.storage,
        "bytes",
        key=KEY,
    )
    if needed is None:
        why = "a layer is compressed by zstd, and its size is not known without unpacking it"
        return replace(check, verdict="not checked", why=why, fix="use a base image with gzip")
    if needed <= board.storage:
        return check
    return replace(
        check,
        verdict="failed",
        why=f"the image takes {_kib(needed)}, and half of the storage of {board.name} is "
        f"{_kib(board.storage)}: during an update it stores two images",
        fix="use a smaller base image, or correct `storage` in the table of the hardware",
    )


def _pages(program: bytes, board: Board) -> Check:
    align = min(one.align for one in loads(program))
    check = Check(
        "page size",
        "passed",
        "alignment of the ELF file's segments",
        "the program",
        align,
        board.page_size,
        "bytes",
        key=KEY,
    )
    if align >= board.page_size:
        return check
    return replace(
        check,
        verdict="failed",
        why=f"the program's segments are aligned to {align} bytes, and the kernel of {board.name} "
        f"has pages of {board.page_size}",
        fix="correct `page_size` in the table of the hardware, or use a kernel with 4 KiB pages",
    )


def _kib(count: int) -> str:
    return f"{-(-count // 1024)} KiB"
