"""Compile one C file for a target.

compile_c.py agent.c --triple aarch64-linux-musl --cpu cortex_a76 --out agent.o
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.toolchain.errors import ToolchainError
from agentc.toolchain.zig import SMALL, compile_object


def main(argv: Sequence[str]) -> int:
    """Write the object; equal source and target give equal bytes in any folder."""
    parser = argparse.ArgumentParser(prog="compile_c", description=__doc__)
    parser.add_argument("source", type=Path, help="C file")
    parser.add_argument("--triple", required=True, help="such as aarch64-linux-musl")
    parser.add_argument("--cpu", required=True, help="in zig's spelling, such as cortex_a76")
    parser.add_argument("--out", required=True, type=Path, help="object to write")
    parser.add_argument("--small", action="store_true", help="optimise size: for the main file")
    options = parser.parse_args(argv)
    extra = SMALL if options.small else ()
    try:
        compile_object(options.source, (options.triple, options.cpu), options.out, extra)
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
