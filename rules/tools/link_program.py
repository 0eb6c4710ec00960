"""Link objects to a static program.

link_program.py main.o scout.o --triple aarch64-linux-musl --out agent
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.toolchain.errors import ToolchainError
from agentc.toolchain.zig import link_program


def main(argv: Sequence[str]) -> int:
    """Write the program, executable."""
    parser = argparse.ArgumentParser(prog="link_program", description=__doc__)
    parser.add_argument(
        "objects", nargs="+", type=Path, help="the main object and one for each agent"
    )
    parser.add_argument("--triple", required=True, help="such as aarch64-linux-musl")
    parser.add_argument("--out", required=True, type=Path, help="program to write")
    options = parser.parse_args(argv)
    try:
        link_program(options.objects, options.triple, options.out)
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
