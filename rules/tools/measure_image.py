"""Measure an image and its program against board and budget, without running them.

measure_image.py --program P --image DIR --arch arm64 [--max-image BYTES]
    [--max-memory BYTES] --out evidence.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.proof.fitness import BudgetError, UnfitError, check, measure
from agentc.toolchain.errors import ToolchainError


def main(argv: Sequence[str]) -> int:
    """Write the evidence, or print what does not fit and return 1."""
    parser = argparse.ArgumentParser(prog="measure_image", description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--arch", required=True)
    parser.add_argument("--max-image", type=int, default=0)
    parser.add_argument("--max-memory", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    try:
        measured = measure(options.program.read_bytes(), options.image)
        check(measured, options.arch, options.max_image, options.max_memory)
    except BudgetError as error:
        return refuse(str(error), [(what, ("budget", key), fix) for what, key, fix in error.errors])
    except (UnfitError, ToolchainError) as error:
        print(error, file=sys.stderr)
        return 1
    options.out.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
