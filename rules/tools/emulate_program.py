"""Replay a probe set on a board's program under an emulator; compare the bits with the proof's.

    emulate_program.py PROGRAM --run qemu-aarch64-static --run=-cpu --run cortex-a76
        --cpu cortex_a76 --agent scout proof.json probe/ --out emulation.json

`--cpu` is the core that the program was compiled for, which errors name. Without `--run` the
program runs directly. Emulation checks function and bits, never time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agentc.proof.emulation import judge
from readiness.behaviour import bad_input_check, stop_check
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
    parser.add_argument("--cpu", default="")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    command, where = [*options.run, f"./{options.program}"], machine(options.run, options.cpu)
    checks = [selftest_check(command, where)]
    for name, proof, probe in options.agent:
        document = json.loads(Path(proof).read_text())
        replay = partial(judge, command, name, document, Path(probe))
        checks.append(replay_check(name, where, replay))
    if options.agent:
        checks.append(bad_input_check(command, options.agent[0][0], where))
    checks.append(stop_check(command, where))
    return conclude("emulation", checks, options.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
