"""Sizes of a program's buffers. They are fixed at build time: the program allocates no memory."""

from __future__ import annotations

from agentc.codegen.links import Instances, Ports
from agentc.monitor.bets import streams

NUMBER = 18
"""Characters of the longest float that native/text.h writes, and a comma."""
INDEX = 11
LINE = 1 << 16
"""Bytes of an input line. Programs whose requests need more get a longer one."""
FRAME = 64
METRICS = 6144
"""Bytes of the counters, the histogram and the help texts of native/metrics.h."""
MONITOR_METRICS = 1024
MODALITY = 96
"""Characters of a label that names a modality."""
STATE_EXTRA = 3
"""8-byte words of an agent's state besides prior and posterior: evidence, seed, draw count."""

PLAN_EXTRA = 2
"""8-byte words more if plans are kept: position in the plan and policy, expected free energy."""


def words_of_state(ports: Ports) -> int:
    """Return an upper bound of an agent's state in 8-byte words. The program checks it at its
    start.
    """
    return 2 * sum(ports.num_states) + STATE_EXTRA + PLAN_EXTRA * (ports.plan_every > 1)


def request_bytes(team: Instances) -> int:
    """Return the maximum size of a request's body: twice its most compact form."""
    brackets = 2 * len('"":[],')
    widths = {
        name: brackets
        + 4 * len(ports.num_obs)
        + sum(len(str(n)) + 1 for n in (*ports.num_obs, *ports.num_controls))
        for name, ports in team.agents.items()
    }
    compact = sum(2 * len(name) + widths[agent] for name, agent in team.instances)
    return max(1024, 2 * (compact + 2 * FRAME))


def answer_bytes(team: Instances, copies: int, *, monitored: bool = False) -> int:
    """Return the size of the longest reply: a step with beliefs, an error, or all metrics."""
    step, gauges = FRAME, METRICS + MONITOR_METRICS * monitored
    for name, agent in team.instances:
        ports = team.agents[agent]
        step += len(name) + FRAME + INDEX * len(ports.num_controls) + 2 * NUMBER
        step += NUMBER * sum(ports.num_states) + 4 * len(ports.num_states)
        line = FRAME + len('",copy=""} ') + len(name) + INDEX + NUMBER
        gauges += copies * 2 * line
        if monitored:
            gauges += copies * (2 + streams(len(ports.num_obs))) * (line + MODALITY)
    return max(step, gauges)
