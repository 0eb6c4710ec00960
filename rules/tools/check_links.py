"""Check that the links of a coalition fit its agents: names and numbers of ports, and how many values each has.

    check_links.py --interface scout=interface.json [--labels scout=labels.json] [--replicas scout=3]
                   --links links.json --out links.json

Writes the links as they are. A link that does not fit is refused, and with it the value in the coalition's table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.links import Team, WiringFault, named, ports_of, read_links, resolve
from agentc.errors import Refused, refuse


def refused(fault: WiringFault, pairs: Sequence[tuple[str, str]]) -> list[Refused]:
    """The faults, each with its link in the table where it is one of a single link."""
    found: list[Refused] = []
    for line in fault.faults:
        links = [
            number
            for number, (source, target) in enumerate(pairs)
            if line.startswith(f"link {source} -> {target}:")
        ]
        fed = [number for number, (_, target) in enumerate(pairs) if line.startswith(f"{target} ")]
        number = next(iter([*links, *fed[1:]]), None)
        fits = "a link needs a port with at least as many outcomes as the other end has actions or states"
        found.append(
            (
                line,
                ("links",) if number is None else ("links", number),
                fits if "do not fit" in line else "",
            )
        )
    return found


def main(argv: Sequence[str]) -> int:
    """Read the interfaces and links; write --out."""
    parser = argparse.ArgumentParser(prog="check_links", description=__doc__)
    for option in ("--interface", "--labels", "--replicas"):
        parser.add_argument(option, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--links", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    labels = {
        name: json.loads(Path(text).read_bytes()) for name, text in named(options.labels).items()
    }
    agents = {
        name: ports_of(json.loads(Path(text).read_bytes()), labels.get(name, {}))
        for name, text in named(options.interface).items()
    }
    pairs = read_links(options.links)
    try:
        resolve(
            pairs,
            Team(agents, {name: int(count) for name, count in named(options.replicas).items()}),
        )
    except WiringFault as fault:
        return refuse("\n".join(fault.faults), refused(fault, pairs))
    options.out.write_bytes(options.links.read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
