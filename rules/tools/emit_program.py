"""Emit the main C file of a program of one or more agents.

    emit_program.py --interface scout=interface.json [--proof scout=proof.json --probe scout=DIR]
        [--links links.json] [--labels scout=labels.json] [--replicas scout=3] [--copies N]
        [--tick NANOSECONDS] [--deadline NANOSECONDS] [--http]
        [--monitor scout=monitor.json --false-alarm-every STEPS --tolerance SHARE]
        [--workers workers.json] --out main.c

links.json is a list of {"from": "scout.action.0", "to": "picker.observation.1"}. Numbers are
indices into the reply's "action" and into the agent's observations; names need --labels.
`scout.belief.0` is the most probable state of a factor. --proof and --probe add the golden steps of
--selftest. --tick is the minimum time between the starts of two steps. A step that ends later than
--deadline after its tick (without a tick, after its request) counts as late. Replicas are instances
of one agent (`scout.0`, ...), copies are instances of the whole coalition. --monitor tests the
observations of the agents; all agents have one, or none.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.links import LinkError
from agentc.codegen.main import emit_main, program_of
from agentc.errors import refuse
from agentc.monitor.bets import FALSE_ALARM_EVERY, TOLERANCE


def main(argv: Sequence[str]) -> int:
    """Read interfaces, proofs and links; write --out."""
    parser = argparse.ArgumentParser(
        prog="emit_program", description="Emit the main file of a program of agents."
    )
    parser.add_argument("--interface", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--proof", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--probe", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--labels", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--links", type=Path, help="list of {from, to}")
    parser.add_argument("--replicas", action="append", default=[], metavar="NAME=N")
    parser.add_argument("--copies", type=int, default=1, help="instances of the whole coalition")
    parser.add_argument("--tick", type=int, default=0, help="least nanoseconds between steps")
    parser.add_argument("--deadline", type=int, default=0, help="nanoseconds until a step is late")
    parser.add_argument("--http", action="store_true", help="link the HTTP face, --listen")
    parser.add_argument("--monitor", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--false-alarm-every", type=float, default=FALSE_ALARM_EVERY)
    parser.add_argument("--tolerance", type=float, default=TOLERANCE)
    parser.add_argument("--workers", type=Path, help="workers.json of choose_workers")
    parser.add_argument("--out", required=True, type=Path, help="C file to write")
    options = parser.parse_args(argv)
    try:
        text = emit_main(program_of(options))
    except LinkError as error:
        return refuse(
            "\n".join(error.errors), [(line, ("coalition",), "") for line in error.errors]
        )
    options.out.write_text(text, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
