"""Measure an image and its program against a board and a budget, statically: nothing is run.

`measure_image.py --program P --image DIR --arch arm64 [--max-image BYTES] [--max-memory BYTES] --out evidence.json`
The memory of a program without a heap is known: the sizes of its segments, and its stack.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.proof.fitness import OverBudget, Unfit, check, evidence
from agentc.toolchain.errors import ToolchainFault


def main(argv: Sequence[str]) -> int:
    """Write the evidence, or say what is unfit and return 1."""
    parser = argparse.ArgumentParser(prog="measure_image", description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--arch", required=True)
    parser.add_argument("--max-image", type=int, default=0)
    parser.add_argument("--max-memory", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    try:
        found = evidence(options.program.read_bytes(), options.image)
        check(found, options.arch, options.max_image, options.max_memory)
    except OverBudget as fault:
        return refuse(str(fault), [(what, ("budget", key), fix) for what, key, fix in fault.faults])
    except (Unfit, ToolchainFault) as fault:
        print(fault, file=sys.stderr)
        return 1
    options.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
