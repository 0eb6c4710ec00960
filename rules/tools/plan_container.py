"""Plan the gate `container`: evidence that is "not checked", and what Docker has to try.

plan_container.py --image DIR --memory BYTES --agent scout=FOLDER [--replicas scout=3]
    [--copies N] --links links.json --out container.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.links import Instances, parse_named, ports_of, read_links, resolve
from readiness.container import plan_of, request_of, unchecked


def main(argv: Sequence[str]) -> int:
    """Write the evidence with the plan."""
    parser = argparse.ArgumentParser(prog="plan_container", description=__doc__)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--memory", type=int, required=True, help="limit in bytes")
    parser.add_argument("--agent", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--replicas", action="append", default=[], metavar="NAME=N")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--links", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    agents = {
        name: ports_of(
            json.loads((Path(folder) / "interface").read_bytes()),
            json.loads((Path(folder) / "labels").read_bytes()),
        )
        for name, folder in parse_named(options.agent).items()
    }
    replicas = {name: int(count) for name, count in parse_named(options.replicas).items()}
    team = Instances(agents, replicas)
    request = request_of(resolve(read_links(options.links), team), team, options.copies)
    plan = plan_of(options.image, options.memory, request)
    options.out.write_text(unchecked(plan), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
