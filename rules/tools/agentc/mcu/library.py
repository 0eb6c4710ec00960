"""Make the library and the header of a firmware, and measure what the agents take.

    archive_mcu_library.py --object scout agent.o --helpers helpers.o --core cortex-m4f --max-flash 0 --max-memory 0
                     --out libagents.a --header agents.h --sizes sizes.json

Flash holds code, tables and the initial values of variables; memory holds variables. Helpers are not counted: the firmware's
linker takes those that it has not got and that are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def header(core: str, symbols: Sequence[str], declarations: str) -> str:
    """The text of agents.h; `declarations` are those of native/agent.h."""
    body = "".join(f"extern const agent {symbol};\n" for symbol in symbols)
    return f"{USAGE.format(core=core)}{declarations}\n{body}#endif\n"


def over(taken: Mapping[str, Mapping[str, int]], limits: Mapping[str, int]) -> list[str]:
    """What is over its limit, with the numbers; 0 is no limit."""
    sums = {kind: sum(one[kind] for one in taken.values()) for kind in limits}
    return [
        f"{kind}: the agents take {sums[kind]} bytes, the budget is {limit}"
        for kind, limit in limits.items()
        if limit and sums[kind] > limit
    ]
