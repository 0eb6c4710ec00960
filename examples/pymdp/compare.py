"""Compare pairs of models array by array: `compare.py IR IR [IR IR ..]`.

Each IR is a folder that the rule `model` has written.
Exit code 0 when they are equal to the bit; otherwise each difference is printed with its size.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path


def numbers(data: bytes, suffix: str) -> tuple[float, ...]:
    """The numbers of an array file: little-endian float64 (`.f64`) or int32 (`.i32`)."""
    letter, size = {".f64": ("d", 8), ".i32": ("i", 4)}[suffix]
    return struct.unpack(f"<{len(data) // size}{letter}", data)


def difference(left: bytes, right: bytes, suffix: str) -> str:
    """How two files differ, or an empty text when they do not."""
    if left == right:
        return ""
    if suffix == ".json":
        return "other parameters"
    a, b = numbers(left, suffix), numbers(right, suffix)
    if len(a) != len(b):
        return f"{len(a)} numbers and {len(b)}"
    largest = max(abs(x - y) for x, y in zip(a, b, strict=True))
    count = sum(x != y for x, y in zip(a, b, strict=True))
    return f"{count} of {len(a)} numbers differ, by {largest:g} at most"


def compare(left: Path, right: Path) -> list[str]:
    """Every difference between two folders, by file."""
    names = sorted({path.name for folder in (left, right) for path in folder.iterdir()})
    faults = []
    for name in names:
        missing = [folder for folder in (left, right) if not (folder / name).is_file()]
        faults += [f"{name}: not in {folder}" for folder in missing]
        if not missing:
            text = difference(
                (left / name).read_bytes(), (right / name).read_bytes(), Path(name).suffix
            )
            faults += [f"{name}: {text}"] if text else []
    return faults if names else ["there are no arrays to compare"]


def main(folders: list[str]) -> int:
    """Print every difference; 0 when there is none."""
    pairs = list(zip(folders[::2], folders[1::2], strict=True))
    faults = [
        f"{left} and {right}: {fault}"
        for left, right in pairs
        for fault in compare(Path(left), Path(right))
    ]
    print("\n".join(faults) or f"{len(pairs)} equal to the bit")
    return 1 if faults or not pairs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
