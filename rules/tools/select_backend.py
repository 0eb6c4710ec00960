"""Advise on the backend of an agent; nothing is timed.

select_backend.py --ir DIR --out runtime.json
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.ir import files as ir
from agentc.ir.types import ModelError
from agentc.plan.backend import advise


def main(argv: Sequence[str]) -> int:
    """Write --out; return 1 after one message if the model cannot be read."""
    parser = argparse.ArgumentParser(
        prog="select_backend", description="Advise on the backend of an agent."
    )
    parser.add_argument("--ir", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(argv)
    try:
        model = ir.normalise(ir.load(options.ir))
    except ModelError as error:
        print("\n".join(error.errors), file=sys.stderr)
        return 1
    options.out.write_bytes(ir.canonical_json(advise(model)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
