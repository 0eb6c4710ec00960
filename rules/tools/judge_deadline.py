"""Judge the limit of a step's time by counted instructions, or by a measurement on the board.

judge_deadline.py --program P --limit NANOSECONDS --board raspberry-pi-5 --core cortex-a76
    --mhz 1500 2400 --ipc 500 4000 SOURCE (--counts counts.json | --measured evidence.json)
    [--caches 2097152] [--compatible raspberrypi,5-model-b] --out step_p99.json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from readiness.deadline import Core, judge_counts, of_program
from readiness.evidence import Check, conclude
from readiness.measured import NoEvidenceError, judge, parse


def main(argv: Sequence[str]) -> int:
    """Write the evidence; return 1 if the limit is not met."""
    options = _parse(argv)
    program = options.program.read_bytes()
    least, most, source = options.ipc
    clock, ipc = (options.mhz[0], options.mhz[1]), (int(least), int(most))
    core = of_program(
        Core(options.board, options.core, clock, ipc, source), len(program), options.caches
    )
    if options.measured is None:
        check = judge_counts(json.loads(options.counts.read_bytes()), core, options.limit)
    else:
        check = _judge_file(options, core, hashlib.sha256(program).hexdigest())
    return conclude("step_p99", [check], options.out)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="judge_deadline", description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--limit", type=int, required=True)
    parser.add_argument("--board", required=True)
    parser.add_argument("--core", required=True)
    parser.add_argument("--mhz", type=int, nargs=2, required=True)
    parser.add_argument("--ipc", nargs=3, required=True, metavar=("LEAST", "MOST", "SOURCE"))
    parser.add_argument("--caches", type=int, default=0, help="bytes; 0 if unknown")
    parser.add_argument("--compatible", action="append", default=[])
    parser.add_argument("--counts", type=Path)
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(argv)


def _judge_file(options: argparse.Namespace, core: Core, digest: str) -> Check:
    """Return the check of the evidence of a device; a file that is none fails."""
    try:
        measurement = parse(options.measured.read_bytes())
    except NoEvidenceError as error:
        return Check(
            "step_p99",
            "failed",
            "evidence of a device",
            "the board",
            why=str(error),
            fix="write it on the board: agent --measure > FILE",
            key="measured",
        )
    return judge(measurement, digest, core, options.compatible, options.limit)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
