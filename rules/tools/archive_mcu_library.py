"""Write the library and header of a firmware, and measure its agents.

    archive_mcu_library.py --object scout agent.o --helpers helpers.o --core cortex-m4f
        --max-flash 0 --max-memory 0 --out libagents.a --header agents.h --sizes sizes.json

Flash holds code, tables and initial values; memory holds variables. Helpers are not counted: the
firmware's linker takes only those that it needs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.native_files import native
from agentc.errors import refuse
from agentc.mcu.library import exceeded_limits, header
from agentc.toolchain.elf import agent_symbol, sizes
from agentc.toolchain.errors import ToolchainError
from agentc.toolchain.zig import archive


def main(argv: Sequence[str]) -> int:
    """Write the three files; return 1 with the numbers if the agents exceed a limit."""
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
        errors = exceeded_limits(taken, {"flash": options.max_flash, "memory": options.max_memory})
        if errors:
            way = 'raise it, or make the agents smaller: storage = "smallest"'
            return refuse(
                "\n".join(errors), [(line, (line.partition(":")[0],), way) for line in errors]
            )
        archive({**objects, "helpers": options.helpers}, options.out)
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    options.header.write_text(header(options.core, symbols, native(("agent.h",))), encoding="ascii")
    options.sizes.write_text(
        json.dumps({"schema": 1, "core": options.core, "agents": taken}, sort_keys=True) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
