"""Choose the number of workers of a program, and the worker of each agent.

    choose_workers.py --most 4 --interface scout=interface.json --labels .. --plan scout=DIR
        [--links links.json] [--replicas scout=3] --out workers.json

Most options are those of emit_program.py. Costs are static; nothing is measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.main import parse_paths, program_of
from agentc.codegen.workers import choose, cost
from agentc.plan import files as plan_files


def main(argv: Sequence[str]) -> int:
    """Write --out."""
    parser = argparse.ArgumentParser(prog="choose_workers", description=__doc__)
    parser.add_argument("--most", type=int, required=True, help="workers: cores of the board")
    for name in ("interface", "proof", "probe", "labels", "plan", "replicas"):
        parser.add_argument(f"--{name}", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--links", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    options.tick = options.deadline = 0
    options.copies, options.http, options.monitor, options.workers = 1, False, [], None
    program = program_of(options)
    costs = {name: cost(plan_files.load(path)) for name, path in parse_paths(options.plan).items()}
    chosen = choose(program.team, program.links, costs, options.most)
    text = json.dumps(chosen.document(), indent=1, sort_keys=True)
    options.out.write_text(f"{text}\n", encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
