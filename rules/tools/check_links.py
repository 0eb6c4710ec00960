"""Check that the links of a coalition fit its agents: ports and numbers of values.

    check_links.py --interface scout=interface.json [--labels scout=labels.json]
        [--replicas scout=3] [--inputs JSON] [--blankets JSON]
        --links links.json --out links.json

Writes the links unchanged. An invalid link is refused with its index in the coalition's table.
--inputs lists the observations that the world outside feeds: each other one needs a link.
--blankets has the ports that separate an agent from all others: `{"scout": ["observation",
"action.move"]}`. An edge that leaves the agent by another port is refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentc.codegen.links import (
    Instances,
    Link,
    LinkError,
    check_inputs,
    parse_named,
    ports_of,
    read_links,
    resolve,
)
from agentc.errors import Refusal, refuse, split_hint
from readiness.blankets import check_ports, leaks


def refused(error: LinkError, pairs: Sequence[tuple[str, str]]) -> list[Refusal]:
    """Return the errors, each with the index of its link if there is one."""
    refusals: list[Refusal] = []
    for line in error.errors:
        links = [
            number
            for number, (source, target) in enumerate(pairs)
            if line.startswith(f"link {source} -> {target}:")
        ]
        fed = [number for number, (_, target) in enumerate(pairs) if line.startswith(f"{target} ")]
        number = next(iter([*links, *fed[1:]]), None)
        fits = (
            "a link needs a port with at least as many outcomes as the other end has actions "
            "or states"
        )
        at = ("links",) if number is None else ("links", number)
        what, _, hint = split_hint(line)
        refusals.append((what, at, fits if "do not fit" in line else hint))
    return refusals


def refused_inputs(inputs: Sequence[str], links: Sequence[Link], team: Instances) -> list[Refusal]:
    """Return the errors of the observations that the world outside feeds."""
    fix = "name it in `inputs`, or link it; an observation has one of both"
    return [(what, ("inputs",), fix) for what in check_inputs(inputs, links, team)]


def refused_blankets(
    blankets: Mapping[str, Sequence[str]], links: Sequence[Link], team: Instances
) -> list[Refusal]:
    """Return the errors of declared blankets: unknown ports, else the edges that leave them."""
    unknown = check_ports(blankets, team)
    if unknown:
        return [split_hint(line, "blankets", name) for name, line in unknown]
    return [
        (
            f"the blanket of {leak.agent} leaks: {leak.edge}",
            ("blankets", leak.agent if leak.agent in blankets else leak.agent.split(".")[0]),
            f"add {leak.port!r} to it, or remove the edge",
        )
        for leak in leaks(links, team, blankets)
    ]


def main(argv: Sequence[str]) -> int:
    """Read interfaces and links; write --out."""
    parser = argparse.ArgumentParser(prog="check_links", description=__doc__)
    for option in ("--interface", "--labels", "--replicas"):
        parser.add_argument(option, action="append", default=[], metavar="NAME=VALUE")
    for option in ("--inputs", "--blankets"):
        parser.add_argument(option, type=json.loads, metavar="JSON")
    parser.add_argument("--links", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    labels = {
        name: json.loads(Path(text).read_bytes())
        for name, text in parse_named(options.labels).items()
    }
    agents = {
        name: ports_of(json.loads(Path(text).read_bytes()), labels.get(name, {}))
        for name, text in parse_named(options.interface).items()
    }
    pairs = read_links(options.links)
    replicas = {name: int(count) for name, count in parse_named(options.replicas).items()}
    team = Instances(agents, replicas)
    try:
        links = resolve(pairs, team)
    except LinkError as error:
        return refuse("\n".join(error.errors), refused(error, pairs))
    errors = [] if options.inputs is None else refused_inputs(options.inputs, links, team)
    errors += refused_blankets(options.blankets, links, team) if options.blankets else []
    if errors:
        return refuse("\n".join(what for what, _, _ in errors), errors)
    options.out.write_bytes(options.links.read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
