"""Header and size limits of a firmware library."""

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
    """Return the text of agents.h; `declarations` is native/agent.h."""
    body = "".join(f"extern const agent {symbol};\n" for symbol in symbols)
    return f"{USAGE.format(core=core)}{declarations}\n{body}#endif\n"


def exceeded_limits(taken: Mapping[str, Mapping[str, int]], limits: Mapping[str, int]) -> list[str]:
    """Return the exceeded limits with their numbers; 0 means no limit."""
    sums = {kind: sum(one[kind] for one in taken.values()) for kind in limits}
    return [
        f"{kind}: the agents take {sums[kind]} bytes, the budget is {limit}"
        for kind, limit in limits.items()
        if limit and sums[kind] > limit
    ]
