"""Replay the probe set on a board's program under an emulator of its core, and compare the bits with the proof's.

    emulate_program.py PROGRAM --run qemu-aarch64-static --run=-cpu --run cortex-a76
               --agent scout proof.json probe/ --out verdict.json

Without `--run` words the program runs as it is. Emulation judges function and bits, never time.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentc.proof.replay import bits, load_probe

LIMIT = 300  # seconds for one agent


class Differs(Exception):
    """The program does not do what the proof says; the message is for the user."""


def run(words: Sequence[str], data: bytes = b"") -> bytes:
    """What a command writes; Differs when it fails or is killed."""
    done = subprocess.run(words, input=data, capture_output=True, check=False, timeout=LIMIT)
    if done.returncode:
        how = (
            f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        )
        raise Differs(f"{' '.join(words)}: {how}\n{done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def judge(command: Sequence[str], name: str, proof: dict[str, Any], probe: Path) -> dict[str, Any]:
    """One agent's verdict; Differs when a bit does."""
    found = bits(run([*command, "--replay", name], load_probe(probe).records().tobytes()))
    if found != proof["bits"]:
        raise Differs(
            f"agent {name}: the replay's SHA-256 is {found}, the build host's {proof['bits']}"
        )
    return {"bits": found, "steps": proof["steps"]}
