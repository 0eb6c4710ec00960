"""Make the library and the header of a firmware, and measure what the agents take.

    micro_library.py --object scout agent.o --helpers helpers.o --core cortex-m4f --max-flash 0 --max-memory 0
                     --out libagents.a --header agents.h --sizes sizes.json

Flash holds code, tables and the initial values of variables; memory holds variables. Helpers are not counted: the firmware's
linker takes those that it has not got and that are used.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from elf_object import agent_symbol, sizes
from refusal import refuse
from toolchain import ToolchainFault, archive

USAGE = """\
/* Agents for {core}, made by buildgraph. Experimental: proved under emulation, not on silicon.

   Link with libagents.a (and --gc-sections). Nothing is allocated. An agent is used so, one after the other:

       who->reset();                                   a new episode
       policy = who->step(observation, action);        proposes one value for each control; the index of the policy
       who->advance(action);                           what was executed, which may be something else

   All that lasts from step to step is who->state, who->state_bytes long: a copy of it is another instance or a snapshot.
   observation has who->modalities entries, entry m below who->num_obs[m]; they are not checked here. */
#ifndef AGENTS_H
#define AGENTS_H
"""


def header(core: str, symbols: Sequence[str], native: str) -> str:
    """The text of agents.h."""
    body = "".join(f"extern const agent {symbol};\n" for symbol in symbols)
    return f"{USAGE.format(core=core)}{native}\n{body}#endif\n"


def over(taken: Mapping[str, Mapping[str, int]], limits: Mapping[str, int]) -> list[str]:
    """What is over its limit, with the numbers; 0 is no limit."""
    sums = {kind: sum(one[kind] for one in taken.values()) for kind in limits}
    return [f"{kind}: the agents take {sums[kind]} bytes, the budget is {limit}" for kind, limit in limits.items()
            if limit and sums[kind] > limit]


def main(argv: Sequence[str]) -> int:
    """Write the three files; 1 with the numbers when the agents are too big."""
    parser = argparse.ArgumentParser(prog="micro_library", description="Make the library of a firmware.")
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
            return refuse("\n".join(faults), [(line, (line.partition(":")[0],), way) for line in faults])
        archive({**objects, "helpers": options.helpers}, options.out)
    except ToolchainFault as fault:
        print(fault, file=sys.stderr)
        return 1
    native = (Path(__file__).parent / "native/agent.h").read_text(encoding="ascii")
    options.header.write_text(header(options.core, symbols, native), encoding="ascii")
    options.sizes.write_text(json.dumps({"schema": 1, "core": options.core, "agents": taken}, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
