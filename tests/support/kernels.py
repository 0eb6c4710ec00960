"""The kernel for emulated boards, which `.ci/kernel` downloads."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.requirements import absent


def debian_kernel() -> Path:
    """Return Debian's package of Linux for arm64; skip the calling test without one."""
    path = Path(os.environ.get("BUILDGRAPH_KERNEL", ""))
    if not path.is_file():
        absent(
            "BUILDGRAPH_KERNEL names no package linux-image-*-arm64; `.ci/kernel FOLDER` gets one"
        )
    return path
