"""Action `make_probe`: what the reference agent believes and does over episodes, for the proof of compiled code.

    python3 make_probe.py --ir DIR --out DIR [--episodes 8] [--steps 32] [--seed 0] [--first N]

Teacher forced: a candidate keeps its own beliefs but is fed these observations and executed actions. Kinds of
episodes, in turn: a roll-out in the world that the model itself describes; one in which what is executed is not
what the reference chose but what was tried least (see coverage.py); a roll-out; one of uniformly random
observations, impossible ones too, and actions tried least. Observations of the second and fourth have a well
posed posterior (see conditioning.py; what was rejected is counted). Random numbers are functions of (seed,
episode, step, use) alone. The action of an episode's last step does not count as tried: nothing is compared after it.
With --first the episodes are those from number N on, and none knows what another has tried: they are independent, so a
share of them has a confidence bound, and parts of a large set can be made apart.
Stochastic agents draw their own numbers, from the seed DRAWS and a counter that runs on over the episodes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.ir import files as ir
from agentc.ir.types import ModelFault
from agentc.proof.probe import probe

MAX_STEPS = 1 << 20


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one message on stderr."""
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
            f"error: episodes and steps must be >= 1 (at most {MAX_STEPS} steps in all), seed and first >= 0",
            file=sys.stderr,
        )
        return 1
    try:
        probe(ir.load(args.ir), args.out, args.episodes, args.steps, args.seed, first=args.first)
    except ModelFault as fault:
        text = "\n".join(f"error: {args.ir.name}: {line}" for line in fault.faults)
        return refuse(text, [(line, ("source",), "") for line in fault.faults])
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
