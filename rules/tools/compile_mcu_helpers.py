"""Compile the compiler's helpers for a core: soft floating point, copies and zeroes.

    compile_mcu_helpers.py --triple thumb-freestanding-eabi --cpu cortex_m0plus --out helpers.o

They are part of the library, so that every firmware uses the proved arithmetic.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.toolchain.errors import ToolchainError
from agentc.toolchain.zig import compile_helpers


def main(argv: Sequence[str]) -> int:
    """Write the object."""
    parser = argparse.ArgumentParser(
        prog="compile_mcu_helpers", description="Compile the compiler's helpers for a core."
    )
    parser.add_argument("--triple", required=True)
    parser.add_argument("--cpu", required=True)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(argv)
    try:
        compile_helpers((options.triple, options.cpu), options.out)
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
