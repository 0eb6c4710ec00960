"""Report passes, proofs and sizes of an export.

    report_export.py --board raspberry-pi-5 --cpu cortex_a76 [--memory-cgroup off]
        --program P --image DIR --workers workers.json
        --agent scout ir/ plan/ proof.json --out DIR

Writes report.json, and the same as a table in report.txt.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.proof.fitness import measure
from agentc.proof.report import agent, document, text

NOT_ENFORCED = (
    "not enforced: the board's system ignores memory limits until its kernel's command line has "
    "cgroup_enable=memory"
)


def main(argv: Sequence[str]) -> int:
    """Write --out from outputs of the compiler's actions."""
    parser = argparse.ArgumentParser(
        prog="report_export", description="Report passes, proofs and sizes."
    )
    parser.add_argument("--board", required=True)
    parser.add_argument("--cpu", required=True)
    parser.add_argument("--memory-cgroup", choices=("on", "off"), default="")
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--workers", type=Path, required=True, help="of choose_workers")
    parser.add_argument(
        "--agent", action="append", nargs=4, default=[], metavar=("NAME", "IR", "PLAN", "PROOF")
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    program = options.program.read_bytes()
    agents = {name: agent(*map(Path, paths)) for name, *paths in options.agent}
    workers = json.loads(options.workers.read_bytes())
    sizes = {
        **measure(program, options.image, workers["workers"]),
        "workers": workers,
        "program_bytes": len(program),
        "memory_limit": NOT_ENFORCED if options.memory_cgroup == "off" else "",
    }
    report = document(options.board, options.cpu, agents, sizes)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "report.json").write_text(
        json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="ascii"
    )
    (options.out / "report.txt").write_text(text(report), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
