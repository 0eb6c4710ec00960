"""Lossy storage: the plan of an agent whose A and B are stored in codes (grids.py), where that takes fewer bytes.

    quantize_plan.py --ir DIR --storage uint16 --out DIR --facts coding.json

Nodes, index tables and backgrounds stay those of the exact plan; only the values of entries become others. Of B an entry is
its probability. Of A one code an entry serves inference and expected free energy: both read the probability and divide by the
background, or take it off, themselves. Utility and ambiguity, w = A^T C - H(A), are folded from what is read, in float32.

A coded modality m has its probabilities in L<m>_val and, for outcomes alone, in E<m>_val (X<m>_val with still factors); W<m>_val
are the values of the rows after the outcomes, L<m>_over is one over the background (where likelihoods are multiplied) and
A<m>_pal the palette. A table that another one begins with is not stored again: header["coded"]["same"] says where it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.ir import files as ir
from agentc.ir.files import ModelFault
from agentc.plan import files
from agentc.quantize.grids import STORAGES
from agentc.quantize.plan import build


def main(argv: Sequence[str]) -> int:
    """Read --ir, write --out and --facts."""
    parser = argparse.ArgumentParser(
        prog="quantize_plan", description="Plan an agent whose probabilities are stored in codes."
    )
    parser.add_argument("--ir", required=True, type=Path, help="folder of the model")
    parser.add_argument("--storage", required=True, choices=STORAGES)
    parser.add_argument("--out", required=True, type=Path, help="folder of the plan")
    parser.add_argument(
        "--facts", required=True, type=Path, help="what was coded, and how far off it is"
    )
    options = parser.parse_args(argv)
    try:
        made, facts = build(ir.normalise(ir.load(options.ir)), options.storage)
    except ModelFault as fault:
        return refuse(
            "\n".join(fault.faults),
            [(line, ("storage",), "leave `storage` out") for line in fault.faults],
        )
    files.save(made, options.out)
    options.facts.write_bytes(ir.canonical_json(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
