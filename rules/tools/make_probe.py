"""Make a probe set: run the reference agent over episodes for the proof of compiled code.

    make_probe.py --ir DIR --out DIR [--episodes 8] [--steps 32] [--seed 0] [--first N]

With --first episodes are numbered from N and independent: none uses the coverage of another. So a
share of them has a confidence bound, and parts of a large set can be made separately. Stochastic
agents sample with a fixed seed and a counter over all episodes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.ir import files as ir
from agentc.ir.types import ModelError
from agentc.proof.probe import write_probe

MAX_STEPS = 1 << 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 after one message on stderr."""
    parser = argparse.ArgumentParser(prog="make_probe", description=__doc__)
    parser.add_argument("--ir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--episodes", type=int, default=8)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int)
    args = parser.parse_args(argv)
    if (
        args.episodes < 1
        or args.steps < 1
        or args.episodes * args.steps > MAX_STEPS
        or min(args.seed, args.first or 0) < 0
    ):
        print(
            f"error: episodes and steps must be >= 1 (at most {MAX_STEPS} steps in all), seed "
            "and first >= 0",
            file=sys.stderr,
        )
        return 1
    try:
        write_probe(
            ir.load(args.ir), args.out, args.episodes, args.steps, args.seed, first=args.first
        )
    except ModelError as problem:
        text = "\n".join(f"error: {args.ir.name}: {line}" for line in problem.errors)
        return refuse(text, [(line, ("source",), "") for line in problem.errors])
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
