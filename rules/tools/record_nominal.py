"""Record the nominal model of an agent: energies, decisions and surprises in its own environment.

    record_nominal.py --ir DIR --plan DIR --probe DIR --out monitor.json

No board and no other agent is an input, so only a change of the agent changes the file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.ir import files as ir
from agentc.monitor.nominal import record
from agentc.plan import files as plans
from agentc.plan.cost_model import as_planned
from agentc.proof.replay import load_energies, load_probe


def main(argv: Sequence[str]) -> int:
    """Write --out from the model, its plan and its probe set."""
    parser = argparse.ArgumentParser(
        prog="record_nominal", description="Record the nominal model of an agent."
    )
    for option in ("--ir", "--plan", "--probe", "--out"):
        parser.add_argument(option, type=Path, required=True)
    options = parser.parse_args(argv)
    plan = plans.load(options.plan)
    cost = {
        "multiplications": as_planned(plan),
        "table_bytes": sum(table.nbytes for table in plan.tables.values()),
    }
    document = record(
        ir.load(options.ir), load_probe(options.probe), load_energies(options.probe), cost
    )
    options.out.write_bytes(ir.canonical_json(document))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
