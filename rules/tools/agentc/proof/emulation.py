"""Replay of a probe set on a board's program under an emulator.

Emulation checks function and bits, never time.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentc.proof.replay import bits, load_probe

LIMIT = 300  # seconds for one agent


class BitsDiffer(Exception):
    """The program's output differs from the proof; the message is for users."""


class Killed(BitsDiffer):
    """The program was killed by a signal."""

    def __init__(self, number: int, words: Sequence[str]) -> None:
        super().__init__(f"{' '.join(words)}: signal {number}")
        self.number = number


def run(words: Sequence[str], data: bytes = b"") -> bytes:
    """Return the output of a command; Differs if it fails or is killed."""
    done = subprocess.run(words, input=data, capture_output=True, check=False, timeout=LIMIT)
    if done.returncode < 0:
        raise Killed(-done.returncode, words)
    if done.returncode:
        raise BitsDiffer(
            f"{' '.join(words)}: exit code {done.returncode}\n"
            f"{done.stderr.decode(errors='replace')[-2000:]}"
        )
    return done.stdout


def judge(command: Sequence[str], name: str, proof: dict[str, Any], probe: Path) -> dict[str, Any]:
    """Return the verdict for one agent; Differs if a bit differs."""
    digest = bits(run([*command, "--replay", name], load_probe(probe).records().tobytes()))
    if digest != proof["bits"]:
        raise BitsDiffer(
            f"agent {name}: the replay's SHA-256 is {digest}, the build host's {proof['bits']}"
        )
    return {"bits": digest, "steps": proof["steps"]}
