"""Replay a probe set on a board's program under an emulator; compare the bits with the proof's.

    emulate_program.py PROGRAM --run qemu-aarch64-static --run=-cpu --run cortex-a76
        --agent scout proof.json probe/ --out emulation.json

Without `--run` the program runs directly. Emulation checks function and bits, never time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agentc.proof.emulation import judge
from readiness.evidence import conclude
from readiness.replay import machine, replay_check, selftest_check


def main(argv: Sequence[str]) -> int:
    """Write the evidence; 1 if a bit differs."""
    parser = argparse.ArgumentParser(prog="emulate_program", description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--run", action="append", default=[], metavar="WORD")
    parser.add_argument(
        "--agent", action="append", nargs=3, default=[], metavar=("NAME", "PROOF", "PROBE")
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    command, where = [*options.run, f"./{options.program}"], machine(options.run)
    checks = [selftest_check(command, where)]
    for name, proof, probe in options.agent:
        document = json.loads(Path(proof).read_text())
        replay = partial(judge, command, name, document, Path(probe))
        checks.append(replay_check(name, where, replay))
    return conclude("emulation", checks, options.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
