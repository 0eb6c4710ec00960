"""Replay a probe set on firmware objects under an emulator; compare the bits with the proof's.

emulate_mcu.py --triple T --cpu C --run qemu-arm-static --run=-cpu --run max
    --helpers helpers.o --agent scout agent.o proof.json probe/ --out emulation.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agentc.mcu.emulation import judge, link
from agentc.toolchain.errors import ToolchainError
from readiness.evidence import conclude
from readiness.replay import machine, replay_check


def main(argv: Sequence[str]) -> int:
    """Write the evidence; 1 if a bit differs or an object does not link."""
    parser = argparse.ArgumentParser(
        prog="emulate_mcu", description="Replay the probe set on a firmware's objects."
    )
    parser.add_argument("--triple", required=True)
    parser.add_argument("--cpu", required=True)
    parser.add_argument("--run", action="append", default=[], metavar="WORD")
    parser.add_argument("--helpers", required=True, type=Path)
    parser.add_argument(
        "--agent",
        action="append",
        nargs=4,
        default=[],
        metavar=("NAME", "OBJECT", "PROOF", "PROBE"),
    )
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(argv)
    target, where = (options.triple, options.cpu), machine(options.run)
    checks = []
    for name, code, proof, probe in options.agent:
        with tempfile.TemporaryDirectory(prefix="micro-") as folder:
            try:
                program = link(Path(code), options.helpers, target, Path(folder))
            except ToolchainError as error:
                print(error, file=sys.stderr)
                return 1
            document = json.loads(Path(proof).read_text())
            command = [*options.run, str(program)]
            replay = partial(judge, command, name, document, Path(probe))
            checks.append(replay_check(name, where, replay))
    return conclude("emulation", checks, options.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
