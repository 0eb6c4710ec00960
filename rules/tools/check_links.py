"""Check that the links of a coalition fit its agents: ports and numbers of values.

    check_links.py --interface scout=interface.json [--labels scout=labels.json]
        [--replicas scout=3] --links links.json --out links.json

Writes the links unchanged. An invalid link is refused with its index in the coalition's table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.links import Instances, LinkError, parse_named, ports_of, read_links, resolve
from agentc.errors import Refusal, refuse


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
        refusals.append(
            (
                line,
                ("links",) if number is None else ("links", number),
                fits if "do not fit" in line else "",
            )
        )
    return refusals


def main(argv: Sequence[str]) -> int:
    """Read interfaces and links; write --out."""
    parser = argparse.ArgumentParser(prog="check_links", description=__doc__)
    for option in ("--interface", "--labels", "--replicas"):
        parser.add_argument(option, action="append", default=[], metavar="NAME=VALUE")
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
    try:
        resolve(
            pairs,
            Instances(
                agents, {name: int(count) for name, count in parse_named(options.replicas).items()}
            ),
        )
    except LinkError as error:
        return refuse("\n".join(error.errors), refused(error, pairs))
    options.out.write_bytes(options.links.read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
