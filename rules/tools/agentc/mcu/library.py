"""Header and size limits of a firmware library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

USAGE = """\
/* Agents for {core}, made by buildgraph. Experimental: proved under emulation, not on silicon.

   Link with libagents.a (and --gc-sections). Nothing is allocated. Steps of an agent `who`:

       who->reset();                              starts an episode
       policy = who->step(observation, action);   proposes a value for each control; policy index
       who->advance(action);                      takes the executed action, possibly another one

   who->state (who->state_bytes bytes) is the state between steps: a copy of it is a snapshot, or
   another instance. observation has who->modalities entries, entry m below who->num_obs[m]; they
   are not checked. */
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
