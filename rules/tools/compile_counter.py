"""Compile the plugin of QEMU that counts instructions, for this machine.

compile_counter.py --out counter/

There is one file for each version of QEMU's plugin interface: `1.so` for QEMU 4.2 to 8.2, `2.so`
for later ones.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.native_files import native
from agentc.toolchain.errors import ToolchainError
from agentc.toolchain.zig import compile_plugin

APIS = (1, 2)


def main(argv: Sequence[str]) -> int:
    """Write the plugins to the folder --out."""
    parser = argparse.ArgumentParser(prog="compile_counter", description=__doc__)
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    source = native(("counter.h",))
    try:
        for api in APIS:
            compile_plugin(f"#define API {api}\n{source}", options.out / f"{api}.so")
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
