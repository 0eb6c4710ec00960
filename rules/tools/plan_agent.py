"""Plan an agent: IR in, the tables and the order of work of its step out (`plan_agent.py --ir DIR --out DIR`).

The plan does not depend on any target. plan.json holds the order of work, tables.bin the tables one after
the other; interface.json holds only what other agents and the program need to know, so it changes rarely.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.ir import files as ir
from agentc.ir.files import ModelFault
from agentc.plan.build import build, interface
from agentc.plan.files import save


def main(argv: Sequence[str]) -> int:
    """Read --ir, write --out and --interface (default: interface.json beside the plan)."""
    parser = argparse.ArgumentParser(prog="plan_agent", description=__doc__)
    parser.add_argument("--ir", required=True, type=Path, help="folder of the model")
    parser.add_argument("--out", required=True, type=Path, help="folder of the plan")
    parser.add_argument("--interface", type=Path, help="file for the sizes that others need")
    options = parser.parse_args(argv)
    try:
        model = ir.normalise(ir.load(options.ir))
        plan = build(model)
    except ModelFault as fault:
        way = '`runtime = "python"` in the model\'s table proves it with pymdp itself; images with Python are not made yet'
        what = "this agent cannot be compiled for the native backend"
        text = "\n".join([f"{what}:", *(f"  {reason}" for reason in fault.faults), way])
        return refuse(text, [(f"{what}: {reason}", ("source",), way) for reason in fault.faults])
    save(plan, options.out)
    (options.interface or options.out / "interface.json").write_bytes(
        ir.canonical_json(interface(model))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
