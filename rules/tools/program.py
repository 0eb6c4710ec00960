"""Emit the main file of a program of one or more agents.

    program.py --interface scout=interface.json [--proof scout=proof.json --probe scout=DIR]
               [--links links.json] [--labels scout=labels.json] [--tick NANOSECONDS] --out main.c

links.json is a list of {"from": "scout.action.0", "to": "picker.observation.1"}: numbers count the entries of
the answer's "action" and of the agent's observations; names need --labels. With --proof and --probe the
program holds the first proved steps for --selftest. With --tick steps begin at least that far apart.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emit import NAME, native, symbol
from emit_tables import sizes, table
from replay import GOLDEN_STEPS, load_probe
from wiring import Link, Ports, WiringFault, order, resolve

RESERVED = ("reset", "executed", "tick", "error")
HEADERS = ("start.h", "text.h", "request.h", "program.h")


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Records of the first proved steps, the hash of their output, the sha256 of all proved output."""

    records: np.ndarray[Any, np.dtype[np.int32]]
    hash: str
    bits: str


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Agents by name in the order they are written, their links, and what --selftest replays."""

    agents: Mapping[str, Ports]
    links: tuple[Link, ...] = ()
    golden: Mapping[str, Golden] | None = None
    tick: int = 0


def emit_main(program: Program) -> str:
    """C text of the program; link it with one object an agent."""
    return "\n".join(_lines(program)) + "\n"


def _lines(program: Program) -> Iterator[str]:
    agents, links = program.agents, program.links
    count = len(agents)
    seconds, nanoseconds = divmod(program.tick, 1_000_000_000)
    yield native(("agent.h",))
    yield (f"enum {{ AGENTS = {count}, LINKS = {len(links)}, "
           f"TICK_SECONDS = {seconds}, TICK_NANOSECONDS = {nanoseconds}, "
           f"MAX_MODALITIES = {max(len(p.num_obs) for p in agents.values())}, "
           f"MAX_CONTROLS = {max(1, *(len(p.num_controls) for p in agents.values()))} }};")
    yield from (f"extern const agent {symbol(name)};" for name in agents)
    yield "static const agent *const agents[] = {" + ", ".join(f"&{symbol(name)}" for name in agents) + "};"
    yield sizes("order", list(order(links, count)))
    for a, ports in enumerate(agents.values()):
        fed = {link.modality for link in links if link.target == a}
        yield table(f"fed_{a}", np.array([m in fed for m in range(len(ports.num_obs))], np.uint8))
    yield "static const u8 *const fed[] = {" + _numbers("fed", count) + "};"
    rows = [f"{{{e.target}, {e.modality}, {e.source}, {e.control}, {int(e.delayed)}}}" for e in links]
    yield ("static const struct { i32 to, modality, from, control, delayed; } links[] = {"
           + ", ".join(rows or ["{0, 0, 0, 0, 0}"]) + "};")
    yield from _golden(program)
    yield native(HEADERS)


def _numbers(name: str, count: int) -> str:
    return ", ".join(f"{name}_{i}" for i in range(count))


def _golden(program: Program) -> Iterator[str]:
    """Tables of --selftest; an agent without a proof has no golden step."""
    empty = Golden(np.zeros(0, np.int32), "cbf29ce484222325", "")
    goldens = [(program.golden or {}).get(name, empty) for name in program.agents]
    for a, (ports, golden) in enumerate(zip(program.agents.values(), goldens)):
        yield table(f"golden_{a}", golden.records)
    widths = [1 + len(p.num_obs) + len(p.num_controls) for p in program.agents.values()]
    yield "static const i32 *const golden[] = {" + _numbers("golden", len(goldens)) + "};"
    yield sizes("golden_steps", [g.records.size // width for g, width in zip(goldens, widths)])
    yield "static const u64 golden_hash[] = {" + ", ".join(f"0x{g.hash}ull" for g in goldens) + "};"
    version = {"schema": 1, "agents": {name: g.bits for name, g in zip(program.agents, goldens)}}
    text = json.dumps(version, separators=(",", ":")).replace('"', '\\"')
    yield f'static const char VERSION[] = "{text}\\n";'


def ports_of(interface: Mapping[str, Any], labels: Mapping[str, Any]) -> Ports:
    """An agent's ports from its interface.json, and its labels.json ({} when there is none)."""
    return Ports(tuple(interface["num_obs"]), tuple(interface["num_controls"]),
                 _numbered(labels.get("observations", [])), _numbered(labels.get("controls", [])))


def _numbered(items: Sequence[Any]) -> dict[str, int]:
    return {item["name"]: i for i, item in enumerate(items) if item["name"] is not None}


def load_golden(proof: Path, probe: Path) -> Golden:
    """The first steps of a probe and the proof's hash of them."""
    document = json.loads(proof.read_bytes())
    records = load_probe(probe).records()[:GOLDEN_STEPS]
    assert document["golden_steps"] == len(records), "proof and probe do not belong together"
    return Golden(records.reshape(-1), document["golden"], document["bits"])


def read_links(path: Path | None) -> list[tuple[str, str]]:
    """The (from, to) pairs of links.json; WiringFault when it has another shape."""
    found = json.loads(path.read_bytes()) if path else []
    if not isinstance(found, list) or any(not isinstance(e, dict) or set(e) != {"from", "to"} or
                                          not all(isinstance(v, str) for v in e.values()) for e in found):
        raise WiringFault([f"{path} must be a list of {{\"from\": \"..\", \"to\": \"..\"}}"])
    return [(e["from"], e["to"]) for e in found]


def _named(items: Sequence[str]) -> dict[str, Path]:
    """NAME=FILE words as a mapping."""
    return {name: Path(path) for name, _, path in (item.partition("=") for item in items)}


def _program(options: argparse.Namespace) -> Program:
    interfaces, labels = _named(options.interface), _named(options.labels)
    bad = [name for name in interfaces if not NAME.fullmatch(name) or "." in name or name in RESERVED]
    if bad:
        raise WiringFault([f"agent name {name!r}: use letters, digits, '_' and '-', and none of "
                           f"{', '.join(RESERVED)}" for name in bad])
    agents = {name: ports_of(json.loads(path.read_bytes()),
                             json.loads(labels[name].read_bytes()) if name in labels else {})
              for name, path in interfaces.items()}
    probes = _named(options.probe)
    golden = {name: load_golden(path, probes[name]) for name, path in _named(options.proof).items()}
    return Program(agents, resolve(read_links(options.links), agents), golden, options.tick)


def main(argv: Sequence[str]) -> int:
    """Read the interfaces, proofs and links; write --out."""
    parser = argparse.ArgumentParser(prog="program", description="Emit the main file of a program of agents.")
    parser.add_argument("--interface", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--proof", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--probe", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--labels", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--links", type=Path, help="list of {from, to}")
    parser.add_argument("--tick", type=int, default=0, help="least nanoseconds between steps")
    parser.add_argument("--out", required=True, type=Path, help="C file to write")
    options = parser.parse_args(argv)
    try:
        text = emit_main(_program(options))
    except WiringFault as fault:
        print("\n".join(fault.faults), file=sys.stderr)
        return 1
    options.out.write_text(text, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
