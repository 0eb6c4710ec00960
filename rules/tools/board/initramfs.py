"""The first file system of a board: boardinit and the modules of its kernel."""

from __future__ import annotations

import stat
from pathlib import Path

from board import cpio


def build(program: bytes, kernel: Path) -> bytes:
    """Return the archive for a kernel that `board.kernel` unpacked."""
    modules = [
        cpio.file(f"modules/{path.name}", path.read_bytes())
        for path in sorted((kernel / "modules").iterdir())
    ]
    console = cpio.Member("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    folders = [cpio.folder(name) for name in ("data", "dev", "modules", "slot")]
    return cpio.archive([*folders, console, cpio.file("init", program, 0o755), *modules])
