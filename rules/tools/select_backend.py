"""Action `select_backend`: which backend suits an agent, and why; nothing is timed.

    select_backend.py --ir DIR --out runtime.json

Native where it covers the agent and its step costs less by a static model, in multiplications: of native those of its
plan; of python those of the model as written, and CALL for entering the jitted step (cost_model.py says what is counted).
Where policies are judged at every k-th step only, a step is taken to cost the k-th part.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.ir import files as ir
from agentc.ir.types import ModelFault
from agentc.plan.backend import choice


def main(argv: Sequence[str]) -> int:
    """Write --out; 1 after one message when the model cannot be read."""
    parser = argparse.ArgumentParser(
        prog="select_backend", description="Say which backend suits an agent."
    )
    parser.add_argument("--ir", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(argv)
    try:
        model = ir.normalise(ir.load(options.ir))
    except ModelFault as fault:
        print("\n".join(fault.faults), file=sys.stderr)
        return 1
    options.out.write_bytes(ir.canonical_json(choice(model)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
