"""How long a program's requests, answers and states can be: its memory is sized when it is built and never grows."""

from __future__ import annotations

from agentc.codegen.links import Ports, Team

NUMBER = 18
"""Characters of the longest float that native/text.h writes, and a comma."""
INDEX = 11
LINE = 1 << 16
"""Bytes of a line of input, or more where a program has so many agents that a request needs more."""
FRAME = 64
METRICS = 6144
"""Counters, histogram and help texts of native/metrics.h."""
STATE_EXTRA = 3
"""Words of an agent's state beside prior and posterior: evidence, seed, numbers drawn."""

PLAN_EXTRA = 2
"""More where plans are kept: how far it is into its plan, the policy, and what that was worth."""


def words_of_state(ports: Ports) -> int:
    """8-byte words that an agent keeps from step to step at most; the program checks it when it starts."""
    return 2 * sum(ports.num_states) + STATE_EXTRA + PLAN_EXTRA * (ports.plan_every > 1)


def request_bytes(team: Team) -> int:
    """Bytes that a request's body may have: twice the most compact one that gives everything."""
    brackets = 2 * len('"":[],')
    widths = {
        name: brackets
        + 4 * len(ports.num_obs)
        + sum(len(str(n)) + 1 for n in (*ports.num_obs, *ports.num_controls))
        for name, ports in team.agents.items()
    }
    compact = sum(2 * len(name) + widths[agent] for name, agent in team.instances)
    return max(1024, 2 * (compact + 2 * FRAME))


def answer_bytes(team: Team, copies: int) -> int:
    """Bytes of the longest answer: a step with beliefs, a refusal, or the metrics of every copy."""
    step, gauges = FRAME, METRICS
    for name, agent in team.instances:
        ports = team.agents[agent]
        step += len(name) + FRAME + INDEX * len(ports.num_controls) + 2 * NUMBER
        step += NUMBER * sum(ports.num_states) + 4 * len(ports.num_states)
        gauges += copies * 2 * (FRAME + len('",copy=""} ') + len(name) + INDEX + NUMBER)
    return max(step, gauges)
