"""Replay the probe set on a board's program under an emulator of its core, and compare the bits with the proof's.

    emulate.py PROGRAM --run qemu-aarch64-static --run=-cpu --run cortex-a76
               --agent scout proof.json probe/ --out verdict.json

Without `--run` words the program runs as it is. Emulation judges function and bits, never time.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from replay import bits, load_probe

LIMIT = 300   # seconds for one agent


class Differs(Exception):
    """The program does not do what the proof says; the message is for the user."""


def run(words: Sequence[str], data: bytes = b"") -> bytes:
    """What a command writes; Differs when it fails or is killed."""
    done = subprocess.run(words, input=data, capture_output=True, check=False, timeout=LIMIT)
    if done.returncode:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        raise Differs(f"{' '.join(words)}: {how}\n{done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def judge(command: Sequence[str], name: str, proof: dict[str, Any], probe: Path) -> dict[str, Any]:
    """One agent's verdict; Differs when a bit does."""
    found = bits(run([*command, "--replay", name], load_probe(probe).records().tobytes()))
    if found != proof["bits"]:
        raise Differs(f"agent {name}: the replay's SHA-256 is {found}, the build host's {proof['bits']}")
    return {"bits": found, "steps": proof["steps"]}


def main(argv: Sequence[str]) -> int:
    """Write the verdict, or say what differs and return 1."""
    parser = argparse.ArgumentParser(prog="emulate", description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--run", action="append", default=[], metavar="WORD")
    parser.add_argument("--agent", action="append", nargs=3, default=[], metavar=("NAME", "PROOF", "PROBE"))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    command = [*options.run, f"./{options.program}"]
    try:
        run([*command, "--selftest"])
        verdicts = {name: judge(command, name, json.loads(Path(proof).read_text()), Path(probe))
                    for name, proof, probe in options.agent}
    except (Differs, subprocess.TimeoutExpired) as fault:
        print(fault, file=sys.stderr)
        return 1
    options.out.write_text(json.dumps({"agents": verdicts, "schema": 1}, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
