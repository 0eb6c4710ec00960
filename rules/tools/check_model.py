"""Check the agents of a coalition and their links: the gate `model`.

    check_model.py --agent scout=FOLDER [--replicas scout=3]
        --links links.json [--blankets JSON] [--ties 0.5] --out evidence.json

No check reads a board, so exports of one coalition share the evidence.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.links import Instances, Ports, parse_named, ports_of, read_links
from agentc.ir import files as ir
from agentc.proof.replay import load_probe
from readiness.agents import AgentEvidence, agent_checks
from readiness.evidence import conclude
from readiness.links import link_checks


def load_agent(name: str, folder: Path) -> tuple[AgentEvidence, Ports]:
    """Load an agent from `FOLDER/{ir,labels,interface,probe,proof}`."""
    labels = json.loads((folder / "labels").read_bytes())
    evidence = AgentEvidence(
        name,
        ir.load(folder / "ir"),
        labels,
        load_probe(folder / "probe"),
        json.loads((folder / "proof").read_bytes()),
    )
    return evidence, ports_of(json.loads((folder / "interface").read_bytes()), labels)


def main(argv: Sequence[str]) -> int:
    """Check every agent, then the links; write the evidence."""
    parser = argparse.ArgumentParser(prog="check_model", description=__doc__)
    parser.add_argument("--agent", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--replicas", action="append", default=[], metavar="NAME=N")
    parser.add_argument("--links", type=Path, required=True)
    parser.add_argument("--blankets", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("--ties", type=float, default=1.0, help="largest share of tied decisions")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    loaded = {
        name: load_agent(name, Path(folder)) for name, folder in parse_named(options.agent).items()
    }
    checks = [check for agent, _ in loaded.values() for check in agent_checks(agent, options.ties)]
    team = Instances(
        {name: ports for name, (_, ports) in loaded.items()},
        {name: int(count) for name, count in parse_named(options.replicas).items()},
    )
    checks += link_checks(read_links(options.links), team, options.blankets)
    return conclude("model", checks, options.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
