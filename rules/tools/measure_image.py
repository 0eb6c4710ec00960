"""Measure an image and its program against board and budget, without running them.

measure_image.py --program P --image DIR --arch arm64 [--max-image BYTES]
    [--max-memory BYTES] --out evidence.json
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.proof.fitness import measure
from agentc.toolchain.errors import ToolchainError
from readiness.evidence import conclude
from readiness.fitness import checks


def main(argv: Sequence[str]) -> int:
    """Write the evidence; 1 if something does not fit."""
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
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    results = checks(measured, options.arch, options.max_image, options.max_memory)
    return conclude("fitness", results, options.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
