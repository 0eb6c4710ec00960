"""Plan an agent: read its IR, write the tables and the order of work of its step.

    plan_agent.py --ir DIR --out DIR [--interface FILE]

plan.json has the order of work, tables.bin the tables. interface.json has only the sizes that other
agents and the program need, so it rarely changes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.ir import files as ir
from agentc.ir.files import ModelError
from agentc.plan.build import build, interface
from agentc.plan.files import save


def main(argv: Sequence[str]) -> int:
    """Read --ir; write --out and --interface (default: interface.json in the plan)."""
    parser = argparse.ArgumentParser(prog="plan_agent", description=__doc__)
    parser.add_argument("--ir", required=True, type=Path, help="folder of the model")
    parser.add_argument("--out", required=True, type=Path, help="folder of the plan")
    parser.add_argument("--interface", type=Path, help="file for the sizes that other agents need")
    options = parser.parse_args(argv)
    try:
        model = ir.normalise(ir.load(options.ir))
        plan = build(model)
    except ModelError as error:
        way = (
            '`runtime = "python"` in the model\'s table proves it with pymdp itself; images '
            "support the native backend only"
        )
        what = "this agent cannot be compiled for the native backend"
        text = "\n".join([f"{what}:", *(f"  {reason}" for reason in error.errors), way])
        return refuse(text, [(f"{what}: {reason}", ("source",), way) for reason in error.errors])
    save(plan, options.out)
    (options.interface or options.out / "interface.json").write_bytes(
        ir.canonical_json(interface(model))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
