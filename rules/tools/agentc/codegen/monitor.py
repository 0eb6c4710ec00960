"""C tables of the monitor of a program: native/monitor.h."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from agentc.codegen.links import Instances, Ports
from agentc.codegen.predictive import predicted_symbol
from agentc.codegen.tables import literal, sizes, table
from agentc.monitor.bets import CAP, SLOTS, STAKES, Limits, fair, streams, threshold

PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names of modalities that need no escapes in JSON, in metrics and in C."""


@dataclass(frozen=True, slots=True, eq=False)
class Monitor:
    """Limits of the monitor, and the nominal model of each agent (monitor.json)."""

    limits: Limits
    nominal: Mapping[str, Mapping[str, Any]]


def monitor_tables(
    monitor: Monitor | None, team: Instances, *, linked: bool = False
) -> Iterator[str]:
    """Generate `#define MONITOR`, and the tables of a monitor; `linked`: links feed agents."""
    yield f"#define MONITOR {int(monitor is not None)}"
    if monitor is None:
        return
    lines = [f"enum {{ FED = {int(linked)} }};", *_sizes(team), *_agents(monitor, team)]
    identity = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    yield from lines
    yield f"static const u64 MONITOR_IDENTITY = 0x{identity}ull;"


def _sizes(team: Instances) -> Iterator[str]:
    counts = [streams(len(team.agents[agent].num_obs)) for _, agent in team.instances]
    yield f"enum {{ BETS = {len(STAKES)}, SLOTS = {SLOTS}, STREAMS = {sum(counts)} }};"
    yield sizes("first_stream", [sum(counts[:i]) for i in range(len(counts))])
    modalities = [len(ports.num_obs) for ports in team.agents.values()]
    yield sizes("agent_modality", [sum(modalities[:a]) for a in range(len(modalities))])
    names = [_names(ports) for ports in team.agents.values()]
    text = ", ".join(json.dumps(name) if name else "0" for row in names for name in row)
    yield f"static const char *const modality_names[] = {{{text}}};"


def _names(ports: Ports) -> list[str]:
    """Return the label of each modality, "" if it has none or one that needs escapes."""
    names = [""] * len(ports.num_obs)
    for name, m in ports.modalities.items():
        names[m] = name if PLAIN.fullmatch(name) else ""
    return names


def _agents(monitor: Monitor, team: Instances) -> Iterator[str]:
    limits, scale = monitor.limits, fair(monitor.limits)
    uniform: list[float] = []
    repeat: list[float] = []
    for name, ports in team.agents.items():
        for size, nominal in zip(ports.num_obs, monitor.nominal[name]["modalities"], strict=True):
            uniform.append(scale / size / nominal["uniform_divisor"])
            repeat.append(scale / nominal["repeat_divisor"] if size < 1 << 16 else 0.0)
    alarms = [
        threshold(limits, len(ports.num_obs), len(team.instances)) for ports in team.agents.values()
    ]
    symbols = [
        predicted_symbol(name, m)
        for name, ports in team.agents.items()
        for m in range(len(ports.num_obs))
    ]
    yield table("STAKES", np.array(STAKES, np.float32))
    yield f"#define HIGHEST_PAYOFF {literal(float(np.float32(scale * CAP)), 'f32')}"
    yield table("uniform_scale", np.array(uniform, np.float32))
    yield table("repeat_scale", np.array(repeat, np.float32))
    yield table("thresholds", np.array(alarms, np.float32))
    yield from (f"extern f32 {symbol}(const i32 *o);" for symbol in symbols)
    yield ("static f32 (*const inverse_predicted[])(const i32 *o) = {" + ", ".join(symbols) + "};")
