"""Measure an image and its program against a board and a budget, statically: nothing is run.

`measure.py --program P --image DIR --arch arm64 [--max-image BYTES] [--max-memory BYTES] --out evidence.json`
The memory of a program without a heap is known: the sizes of its segments, and its stack.
"""
from __future__ import annotations

import argparse
import json
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from refusal import refuse

MACHINE = {62: "amd64", 183: "arm64", 40: "arm", 243: "riscv64"}   # e_machine of the ELF header
LOAD, INTERP, DYNAMIC = 1, 3, 2                                    # p_type of a program header
STACK = 64 * 1024   # bytes, generous: the program does not recurse and keeps its arrays static


class Unfit(Exception):
    """The image or its program is not fit for the board."""


class OverBudget(Exception):
    """The image or its program is larger than the budget; `faults` are what, the key of the budget, and what to do."""

    def __init__(self, faults: Sequence[tuple[str, str, str]]) -> None:
        super().__init__("\n".join(what for what, _, _ in faults))
        self.faults = tuple(faults)


def segments(data: bytes) -> tuple[str, list[tuple[int, int]]]:
    """(architecture, [(p_type, p_memsz)]) of a little-endian ELF file; Unfit when it is none."""
    if data[:4] != b"\x7fELF" or data[5] != 1:
        raise Unfit("the program is no little-endian ELF file")
    wide = data[4] == 2
    machine = struct.unpack_from("<H", data, 18)[0]
    (start,) = struct.unpack_from("<Q", data, 32) if wide else struct.unpack_from("<I", data, 28)
    size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    found = []
    for number in range(count):
        at = start + number * size
        kind = struct.unpack_from("<I", data, at)[0]
        found.append((kind, struct.unpack_from("<Q", data, at + 40)[0] if wide else struct.unpack_from("<I", data, at + 20)[0]))
    return MACHINE.get(machine, f"machine {machine}"), found


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
    faults, over = [], []
    for name in ("arch", "image_arch"):
        if found[name] != arch:
            faults.append(f"{name.replace('_', ' ')} is {found[name]}, the board is {arch}")
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


def main(argv: Sequence[str]) -> int:
    """Write the evidence, or say what is unfit and return 1."""
    parser = argparse.ArgumentParser(prog="measure", description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--arch", required=True)
    parser.add_argument("--max-image", type=int, default=0)
    parser.add_argument("--max-memory", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    try:
        found = evidence(options.program.read_bytes(), options.image)
        check(found, options.arch, options.max_image, options.max_memory)
    except OverBudget as fault:
        return refuse(str(fault), [(what, ("budget", key), fix) for what, key, fix in fault.faults])
    except Unfit as unfit:
        print(unfit, file=sys.stderr)
        return 1
    options.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
