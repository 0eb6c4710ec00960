"""Plan an agent whose A and B are stored as codes, if that takes fewer bytes.

quantize_plan.py --ir DIR --storage uint16 --out DIR --facts coding.json
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.ir import files as ir
from agentc.ir.files import ModelError
from agentc.plan import files
from agentc.quantize.grids import STORAGES
from agentc.quantize.plan import build


def main(argv: Sequence[str]) -> int:
    """Read --ir; write --out and --facts."""
    parser = argparse.ArgumentParser(
        prog="quantize_plan", description="Plan an agent with quantized probabilities."
    )
    parser.add_argument("--ir", required=True, type=Path, help="folder of the model")
    parser.add_argument("--storage", required=True, choices=STORAGES)
    parser.add_argument("--out", required=True, type=Path, help="folder of the plan")
    parser.add_argument(
        "--facts", required=True, type=Path, help="quantized arrays and their errors"
    )
    options = parser.parse_args(argv)
    try:
        quantized, facts = build(ir.normalise(ir.load(options.ir)), options.storage)
    except ModelError as error:
        return refuse(
            "\n".join(error.errors),
            [(line, ("storage",), "leave `storage` out") for line in error.errors],
        )
    files.save(quantized, options.out)
    options.facts.write_bytes(ir.canonical_json(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
