"""Replay a probe set on firmware objects under an emulator; compare the bits with the proof's.

emulate_mcu.py --triple T --cpu C --run qemu-arm-static --run=-cpu --run max
    --helpers helpers.o --agent scout agent.o proof.json probe/ --out emulation.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentc.mcu.emulation import judge, link
from agentc.proof.emulation import BitsDiffer
from agentc.toolchain.errors import ToolchainError


def main(argv: Sequence[str]) -> int:
    """Write the verdict, or print the difference and return 1."""
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
    target, verdicts = (options.triple, options.cpu), {}
    try:
        for name, code, proof, probe in options.agent:
            with tempfile.TemporaryDirectory(prefix="micro-") as folder:
                program = link(Path(code), options.helpers, target, Path(folder))
                verdicts[name] = judge(
                    [*options.run, str(program)],
                    name,
                    json.loads(Path(proof).read_text()),
                    Path(probe),
                )
    except (BitsDiffer, ToolchainError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return 1
    options.out.write_text(
        json.dumps({"agents": verdicts, "schema": 1}, indent=1, sort_keys=True) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
