"""Replay a probe set on a board's program under an emulator; compare the bits with the proof's.

    emulate_program.py PROGRAM --run qemu-aarch64-static --run=-cpu --run cortex-a76
        --agent scout proof.json probe/ --out verdict.json

Without `--run` the program runs directly. Emulation checks function and bits, never time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.proof.emulation import BitsDiffer, judge, run


def main(argv: Sequence[str]) -> int:
    """Write the verdict, or print the difference and return 1."""
    parser = argparse.ArgumentParser(prog="emulate_program", description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--run", action="append", default=[], metavar="WORD")
    parser.add_argument(
        "--agent", action="append", nargs=3, default=[], metavar=("NAME", "PROOF", "PROBE")
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    command = [*options.run, f"./{options.program}"]
    try:
        run([*command, "--selftest"])
        verdicts = {
            name: judge(command, name, json.loads(Path(proof).read_text()), Path(probe))
            for name, proof, probe in options.agent
        }
    except (BitsDiffer, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return 1
    options.out.write_text(
        json.dumps({"agents": verdicts, "schema": 1}, indent=1, sort_keys=True) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
