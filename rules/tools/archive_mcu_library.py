"""Make the library and the header of a firmware, and measure what the agents take.

    archive_mcu_library.py --object scout agent.o --helpers helpers.o --core cortex-m4f --max-flash 0 --max-memory 0
                     --out libagents.a --header agents.h --sizes sizes.json

Flash holds code, tables and the initial values of variables; memory holds variables. Helpers are not counted: the firmware's
linker takes those that it has not got and that are used.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.native_files import native
from agentc.errors import refuse
from agentc.mcu.library import header, over
from agentc.toolchain.elf import agent_symbol, sizes
from agentc.toolchain.errors import ToolchainFault
from agentc.toolchain.zig import archive


def main(argv: Sequence[str]) -> int:
    """Write the three files; 1 with the numbers when the agents are too big."""
    parser = argparse.ArgumentParser(
        prog="archive_mcu_library", description="Make the library of a firmware."
    )
    parser.add_argument("--object", action="append", nargs=2, default=[], metavar=("NAME", "FILE"))
    parser.add_argument("--core", required=True)
    for option in ("--max-flash", "--max-memory"):
        parser.add_argument(option, type=int, default=0)
    for option in ("--helpers", "--out", "--header", "--sizes"):
        parser.add_argument(option, required=True, type=Path)
    options = parser.parse_args(argv)
    objects = {name: Path(path) for name, path in options.object}
    try:
        symbols = [agent_symbol(path.read_bytes()) for path in objects.values()]
        taken = {name: sizes(path.read_bytes()) for name, path in objects.items()}
        faults = over(taken, {"flash": options.max_flash, "memory": options.max_memory})
        if faults:
            way = 'raise it, or make the agents smaller: storage = "smallest"'
            return refuse(
                "\n".join(faults), [(line, (line.partition(":")[0],), way) for line in faults]
            )
        archive({**objects, "helpers": options.helpers}, options.out)
    except ToolchainFault as fault:
        print(fault, file=sys.stderr)
        return 1
    options.header.write_text(header(options.core, symbols, native(("agent.h",))), encoding="ascii")
    options.sizes.write_text(
        json.dumps({"schema": 1, "core": options.core, "agents": taken}, sort_keys=True) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
