"""Workers of a program: processes that step agents of the same tick side by side.

The static cost model chooses their number, and the worker of each agent. Nothing is timed. Agents
of a level are not linked to each other in this tick, so their order changes no bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentc.codegen.links import Instances, Link, order
from agentc.codegen.tables import sizes
from agentc.plan.files import Plan
from agentc.plan.worst_case import worst_case

WAKE = 100_000
"""Multiplications that take as long as to wake a worker and to wait for it: about 50 microseconds
on a small core that was idle, at two multiplications a nanosecond.
"""
LOGARITHM = 20
"""Multiplications of a logarithm or an exponential: a polynomial of degree 8 and its scaling."""
WORTH = 0.75
"""Workers are used if a step then costs at most this share of a step of one process."""
MOST = 16
"""Workers of a program at most."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Number of workers, and for each instance its level and its worker.

    Instances of one level do not read each other in this tick. `reason` is for the report.
    """

    count: int
    levels: tuple[int, ...]
    places: tuple[int, ...]
    reason: str
    step: int = 0  # multiplications of a step of one process
    longest: int = 0  # of a step with the workers, waking included

    def document(self) -> dict[str, Any]:
        """Return the choice as JSON: see `read_workers`."""
        return {
            "schema": 1,
            "workers": self.count,
            "reason": self.reason,
            "levels": list(self.levels),
            "places": list(self.places),
            "multiplications": {"one": self.step, "chosen": self.longest},
        }


def read_workers(path: Path | None) -> Workers | None:
    """Return the workers of a document; None for one process."""
    if path is None:
        return None
    document = json.loads(path.read_bytes())
    if document["workers"] == 1:
        return None
    return Workers(
        document["workers"],
        tuple(document["levels"]),
        tuple(document["places"]),
        document["reason"],
    )


def cost(plan: Plan) -> int:
    """Return the multiplications of an agent's step at most, logarithms included."""
    bounds = worst_case(plan)
    others = int(bounds["logarithms"]) + int(bounds["exponentials"])
    return int(sum(bounds["multiplications"].values())) + LOGARITHM * others


def choose(team: Instances, links: Sequence[Link], costs: Mapping[str, int], most: int) -> Workers:
    """Choose the workers of a program, at most `most`. `costs` are multiplications of each agent's
    step.
    """
    work = [costs[agent] for _, agent in team.instances]
    levels = _levels(links, len(work))
    options = []
    for count in range(1, min(most, len(work), MOST) + 1):
        places = _places(work, levels, count)
        options.append((_longest(work, levels, places, count), count, places))
    least, count, places = min(options)
    step = sum(work)
    reason = _refusal(levels, work, most, least)
    if reason:
        return Workers(1, levels, (0,) * len(work), reason, step, step)
    reason = (
        f"a step of one process is {_grouped(step)} multiplications, with {count} workers it is "
        f"{_grouped(least)}, {_grouped(WAKE)} for each waking included"
    )
    return Workers(count, levels, places, reason, step, least)


def _refusal(levels: Sequence[int], work: Sequence[int], most: int, least: int) -> str:
    """Return why one process steps all agents, or ""."""
    step = sum(work)
    if len(work) == 1:
        return "a step has one agent"
    if most == 1:
        return "the board has one core"
    if len(set(levels)) == len(levels):
        return "links order all agents of a step"
    if least > WORTH * step:
        return (
            f"a step is {_grouped(step)} multiplications, and to wake a worker takes as long as "
            f"{_grouped(WAKE)}"
            if step <= 2 * WAKE
            else f"a step is {_grouped(step)} multiplications, and with workers still "
            f"{_grouped(least)}"
        )
    return ""


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _levels(links: Sequence[Link], count: int) -> tuple[int, ...]:
    """Return for each instance the longest chain of links of the same tick that leads to it."""
    sources: dict[int, list[int]] = {}
    for link in links:
        if not link.delayed:
            sources.setdefault(link.target, []).append(link.source)
    levels = [0] * count
    for i in order(links, count):
        levels[i] = max((levels[source] + 1 for source in sources.get(i, ())), default=0)
    return tuple(levels)


def _places(work: Sequence[int], levels: Sequence[int], count: int) -> tuple[int, ...]:
    """Place the longest first, each at the worker with the least work in its level."""
    places = [0] * len(work)
    load = {level: [0] * count for level in levels}
    for i in sorted(range(len(work)), key=lambda i: (-work[i], i)):
        loads = load[levels[i]]
        places[i] = loads.index(min(loads))
        loads[places[i]] += work[i]
    return tuple(places)


def _longest(work: Sequence[int], levels: Sequence[int], places: Sequence[int], count: int) -> int:
    """Return the multiplications of a step: the longest share of each level, and wakings."""
    load = {level: [0] * count for level in levels}
    for i, own in enumerate(work):
        load[levels[i]][places[i]] += own
    return sum(max(loads) + WAKE * any(loads[1:]) for loads in load.values())


def worker_tables(workers: Workers) -> list[str]:
    """Return the C tables of native/workers.h: instances by level and worker, ends of shares."""
    depth = max(workers.levels) + 1
    keys = [level * workers.count + place for level, place in zip(workers.levels, workers.places)]
    ends = [sum(key < k for key in keys) for k in range(depth * workers.count + 1)]
    return [
        f"#define WORKERS {workers.count}",
        f"enum {{ LEVELS = {depth} }};",
        sizes("share", sorted(range(len(keys)), key=lambda i: (keys[i], i))),
        sizes("share_ends", ends),
    ]
