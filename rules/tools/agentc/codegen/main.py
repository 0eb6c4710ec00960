"""Generate the main C file of a program of one or more agents."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from agentc.codegen.buffer_sizes import LINE, answer_bytes, request_bytes, words_of_state
from agentc.codegen.links import (
    Instances,
    Link,
    LinkError,
    Ports,
    order,
    ports_of,
    read_links,
    resolve,
)
from agentc.codegen.monitor import Monitor, monitor_tables
from agentc.codegen.names import NAME, symbol
from agentc.codegen.native_files import native
from agentc.codegen.tables import sizes, table
from agentc.codegen.workers import Workers, read_workers, worker_tables
from agentc.monitor.bets import Limits
from agentc.proof.replay import GOLDEN_STEPS, load_probe

RESERVED = ("reset", "acknowledge", "executed", "copy", "late", "tick", "error")
HEADERS = ("syscalls.h", "process.h", "text.h")
STATE_HEADERS = ("request.h", "state_file.h")
HTTP_HEADERS = (
    "metrics.h",
    "step.h",
    "address.h",
    "http.h",
    "chunks.h",
    "reply.h",
    "serve.h",
    "connections.h",
)
MEASURE_HEADERS = ("sha256.h", "measure.h", "instructions.h", "doctor.h")
MOST_INSTANCES = 1 << 16
STATE_SCHEMA = 1
"""Version of the agents' state. Increment it with every change: older state files are refused."""


@dataclass(frozen=True, slots=True, eq=False)
class GoldenSteps:
    """The first proved steps for --selftest: records, hash of their output, SHA-256 of all proved
    output.
    """

    records: np.ndarray[Any, np.dtype[np.int32]]
    hash: str
    bits: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Nanoseconds between the starts of two steps, and the deadline of a step; 0 for none."""

    tick: int = 0
    deadline: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ProgramSpec:
    """A program: agents by name, links, golden steps, timing, replicas, copies and HTTP."""

    agents: Mapping[str, Ports]
    links: tuple[Link, ...] = ()
    golden: Mapping[str, GoldenSteps] = field(default_factory=dict)
    pace: Timing = Timing()
    replicas: Mapping[str, int] = field(default_factory=dict)
    copies: int = 1
    http: bool = False
    monitor: Monitor | None = None
    workers: Workers | None = None  # more than one

    @property
    def team(self) -> Instances:
        """Return the agents and their replicas."""
        return Instances(self.agents, self.replicas)

    @property
    def identity(self) -> str:
        """Return 64 bits in hex that a state file must match: names, sizes, proved bits, replicas,
        copies.
        """
        agents = [
            [
                name,
                p.num_obs,
                p.num_controls,
                p.num_states,
                self.golden[name].bits if name in self.golden else "",
                *[p.plan_every] * (p.plan_every > 1),
            ]
            for name, p in self.agents.items()
        ]
        text = json.dumps([STATE_SCHEMA, agents, sorted(self.replicas.items()), self.copies])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def emit_main(program: ProgramSpec) -> str:
    """Return the C text of the program. Link it with one object for each agent."""
    return "\n".join(_lines(program)) + "\n"


def _lines(program: ProgramSpec) -> Iterator[str]:
    agents = program.agents
    yield native(("agent.h",))
    yield (
        "enum { "
        f"{', '.join(f'{name} = {value}' for name, value in _constants(program).items())} }};"
    )
    yield f"#define HTTP {int(program.http)}"
    yield f"#define LINE {max(LINE, request_bytes(program.team))}"
    yield f"static const u64 IDENTITY = 0x{program.identity}ull;"
    yield from (f"extern const agent {symbol(name)};" for name in agents)
    yield (
        "static const agent *const agents[] = {"
        + ", ".join(f"&{symbol(name)}" for name in agents)
        + "};"
    )
    yield from _instances(program)
    yield from _links(program)
    yield from _golden(program)
    yield from monitor_tables(program.monitor, program.team, linked=bool(program.links))
    if program.workers:
        yield from worker_tables(program.workers)
    yield native(_headers(program))


def _headers(program: ProgramSpec) -> tuple[str, ...]:
    shared = ("shared.h",) if program.workers else ()
    watched = ("monitor.h",) if program.monitor else ()
    working = ("workers.h",) if program.workers else ()
    served = HTTP_HEADERS if program.http else ("step.h",)
    last = ("replay.h", *MEASURE_HEADERS, "program.h")
    return (*HEADERS, *shared, "agent_state.h", *watched, *working, *STATE_HEADERS, *served, *last)


def _constants(program: ProgramSpec) -> dict[str, int]:
    """Return sizes and times. C has no empty arrays, so each size is at least 1."""
    team, agents = program.team, program.agents
    ports = [agents[agent] for _, agent in team.instances]
    times = {
        f"{name}_{unit}": value
        for name, span in (("TICK", program.pace.tick), ("DEADLINE", program.pace.deadline))
        for unit, value in zip(("SECONDS", "NANOSECONDS"), divmod(span, 1_000_000_000))
    }
    return {
        "AGENTS": len(agents),
        "INSTANCES": len(ports),
        "COPIES": program.copies,
        "LINKS": max(1, len(program.links)),
        "MODALITIES": sum(len(p.num_obs) for p in ports),
        "CONTROLS": max(1, sum(len(p.num_controls) for p in ports)),
        "WORDS": sum(map(words_of_state, ports)),
        "MAX_MODALITIES": max(len(p.num_obs) for p in agents.values()),
        "MAX_CONTROLS": max(1, *(len(p.num_controls) for p in agents.values())),
        **times,
        "BODY": request_bytes(team),
        "ANSWER": answer_bytes(team, program.copies, monitored=program.monitor is not None),
    }


def _instances(program: ProgramSpec) -> Iterator[str]:
    """Generate the offsets of each instance's observations, actions and state; names sorted for
    request.h.
    """
    team, numbers = program.team, {name: a for a, name in enumerate(program.agents)}
    seen, acted, state, rows = 0, 0, 0, []
    for name, agent in team.instances:
        ports = program.agents[agent]
        rows.append(f'{{"{name}", {len(name)}, {numbers[agent]}, {seen}, {acted}, {state}}}')
        seen, acted, state = (
            seen + len(ports.num_obs),
            acted + len(ports.num_controls),
            state + words_of_state(ports),
        )
    rows.append(f'{{"", 0, 0, {seen}, {acted}, {state}}}')
    yield (
        "static const struct { const char *name; i32 length, agent, first_modality, "
        "first_control, state; } instances[] = {\n    " + ",\n    ".join(rows) + "};"
    )
    names = [name for name, _ in team.instances]
    yield sizes("sorted", sorted(range(len(names)), key=lambda i: (len(names[i]), names[i])))


def _links(program: ProgramSpec) -> Iterator[str]:
    """Generate step order, linked modalities, and the links of instance i: fed_by[i] to fed_by[i +
    1].
    """
    ports = [program.agents[agent] for _, agent in program.team.instances]
    seen = [0, *accumulate(len(p.num_obs) for p in ports)]
    acted = [0, *accumulate(len(p.num_controls) for p in ports)]
    linked, counts = np.zeros(seen[-1], np.uint8), np.zeros(len(ports) + 1, np.int32)
    for link in program.links:
        linked[seen[link.target] + link.modality] = 1
        counts[link.target + 1] += 1
    yield sizes("order", list(order(program.links, len(ports))))
    yield table("linked", linked)
    yield table("fed_by", np.cumsum(counts, dtype=np.int32))
    rows = []
    for e in program.links:
        states = ports[e.source].num_states
        first, size = (
            (sum(states[: e.port]), states[e.port]) if e.belief else (acted[e.source] + e.port, 0)
        )
        rows.append(
            f"{{{seen[e.target] + e.modality}, {e.source}, {first}, {size}, {int(e.delayed)}}}"
        )
    yield (
        "static const struct { i32 into, source, first, states, delayed; } links[] = {"
        + ", ".join(rows or ["{0, 0, 0, 0, 0}"])
        + "};"
    )


def _numbers(name: str, count: int) -> str:
    return ", ".join(f"{name}_{i}" for i in range(count))


def _golden(program: ProgramSpec) -> Iterator[str]:
    """Generate the tables of --selftest; an agent without a proof has no golden steps."""
    empty = GoldenSteps(np.zeros(0, np.int32), "cbf29ce484222325", "")
    goldens = [program.golden.get(name, empty) for name in program.agents]
    for a, (_ports, golden) in enumerate(zip(program.agents.values(), goldens)):
        yield table(f"golden_{a}", golden.records)
    widths = [1 + len(p.num_obs) + len(p.num_controls) for p in program.agents.values()]
    yield "static const i32 *const golden[] = {" + _numbers("golden", len(goldens)) + "};"
    yield sizes("golden_steps", [g.records.size // width for g, width in zip(goldens, widths)])
    yield "static const u64 golden_hash[] = {" + ", ".join(f"0x{g.hash}ull" for g in goldens) + "};"
    version = {
        "schema": 1,
        "agents": {name: g.bits for name, g in zip(program.agents, goldens)},
        "state": program.identity,
    }
    text = json.dumps(version, separators=(",", ":")).replace('"', '\\"')
    yield f'static const char VERSION[] = "{text}\\n";'


def load_golden(proof: Path, probe: Path) -> GoldenSteps:
    """Load the first steps of a probe and the proof's hash of them."""
    document = json.loads(proof.read_bytes())
    records = load_probe(probe).records()[:GOLDEN_STEPS]
    assert document["golden_steps"] == len(records), "proof and probe do not belong together"
    return GoldenSteps(records.reshape(-1), document["golden"], document["bits"])


def parse_paths(items: Sequence[str]) -> dict[str, Path]:
    """Parse NAME=FILE arguments to a mapping."""
    return {name: Path(path) for name, _, path in (item.partition("=") for item in items)}


def program_of(options: argparse.Namespace) -> ProgramSpec:
    """Return the program that the options of `emit_program` describe; LinkError lists all
    errors.
    """
    interfaces, labels = parse_paths(options.interface), parse_paths(options.labels)
    bad = [
        name for name in interfaces if not NAME.fullmatch(name) or "." in name or name in RESERVED
    ]
    if bad:
        raise LinkError(
            [
                f"agent name {name!r}: use letters, digits, '_' and '-', and none of "
                f"{', '.join(RESERVED)}"
                for name in bad
            ]
        )
    agents = {
        name: ports_of(
            json.loads(path.read_bytes()),
            json.loads(labels[name].read_bytes()) if name in labels else {},
        )
        for name, path in interfaces.items()
    }
    probes = parse_paths(options.probe)
    golden = {
        name: load_golden(path, probes[name]) for name, path in parse_paths(options.proof).items()
    }
    replicas = {name: int(str(count)) for name, count in parse_paths(options.replicas).items()}
    _check_numbers(replicas, agents, options.copies)
    links = resolve(read_links(options.links), Instances(agents, replicas))
    return ProgramSpec(
        agents,
        links,
        golden,
        Timing(options.tick, options.deadline),
        replicas,
        options.copies,
        options.http,
        _monitor_of(options),
        read_workers(options.workers),
    )


def _monitor_of(options: argparse.Namespace) -> Monitor | None:
    paths = parse_paths(options.monitor)
    if not paths:
        return None
    nominal = {name: json.loads(path.read_bytes()) for name, path in paths.items()}
    return Monitor(Limits(options.false_alarm_every, options.tolerance), nominal)


def _check_numbers(replicas: Mapping[str, int], agents: Mapping[str, Ports], copies: int) -> None:
    errors = [
        f"there is no agent {name!r} to have replicas; there are {', '.join(agents)}"
        for name in replicas
        if name not in agents
    ]
    if min([copies, *replicas.values()]) < 1:
        errors.append("replicas and copies are one or more")
    elif copies * len(Instances(agents, replicas).instances) > MOST_INSTANCES:
        errors.append(
            f"{copies} copies of {len(Instances(agents, replicas).instances)} instances: "
            f"{MOST_INSTANCES} in all at most"
        )
    if errors:
        raise LinkError(errors)
