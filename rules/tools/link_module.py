"""Compile and link a program of agents to a WebAssembly module.

    link_module.py main.c --agent agent.c [--agent ..] [--cpu generic] --out module.wasm

main.c comes from emit_program.py, the agents from emit_agent.py; equal sources give equal bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.toolchain.errors import ToolchainError
from agentc.toolchain.wasm import CPU, link_module


def main(argv: Sequence[str]) -> int:
    """Write the module; return 1 after the compiler's messages if it fails."""
    parser = argparse.ArgumentParser(prog="link_module", description=__doc__)
    parser.add_argument("main", type=Path, help="C file of the program")
    parser.add_argument(
        "--agent", type=Path, action="append", default=[], help="C file of an agent"
    )
    parser.add_argument("--cpu", default=CPU, help="in zig's spelling")
    parser.add_argument("--out", required=True, type=Path, help="module to write")
    options = parser.parse_args(argv)
    try:
        link_module(options.main, options.agent, options.out, options.cpu)
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
