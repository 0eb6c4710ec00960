"""Objects that were compiled in this process: equal sources and flags are compiled once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from agentc.toolchain.zig import compile_object

_OBJECTS: dict[tuple[str, tuple[str, str], tuple[str, ...]], bytes] = {}


def compiled(source: Path, target: tuple[str, str], output: Path, flags: Sequence[str]) -> None:
    """Write the object of a C file, which includes no other file, for a target."""
    key = (hashlib.sha256(source.read_bytes()).hexdigest(), target, tuple(flags))
    if key in _OBJECTS:
        output.write_bytes(_OBJECTS[key])
        return
    compile_object(source, target, output, flags)
    _OBJECTS[key] = output.read_bytes()
