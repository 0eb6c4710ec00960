"""Replay the probe set on the objects of a firmware under an emulator, and compare the bits with the proof's.

    micro_emulate.py --triple T --cpu C --run qemu-arm-static --run=-cpu --run max --helpers helpers.o
                     --agent scout agent.o proof.json probe/ --out emulation.json

Each object is linked with a few lines that read records and write answers (native/micro.h), and with the library's helpers.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elf_object import agent_symbol
from emulate import Differs, run
from replay import bits, load_probe
from toolchain import SMALL, ToolchainFault, compile_object, link_program

NATIVE = Path(__file__).parent / "native"


def link(code: Path, helpers: Path, target: tuple[str, str], folder: Path) -> Path:
    """A program that replays records on one agent."""
    text = "".join((NATIVE / part).read_text(encoding="ascii") for part in ("agent.h", "micro.h"))
    (folder / "main.c").write_text(f"#define AGENT {agent_symbol(code.read_bytes())}\n{text}", encoding="ascii")
    compile_object(folder / "main.c", target, folder / "main.o", SMALL)
    link_program([folder / "main.o", code, helpers], target[0], folder / "program")
    return folder / "program"


def judge(command: Sequence[str], name: str, proof: dict[str, Any], probe: Path) -> dict[str, Any]:
    """One agent's verdict; Differs when a bit does."""
    found = bits(run(command, load_probe(probe).records().tobytes()))
    if found != proof["bits"]:
        raise Differs(f"agent {name}: the replay's SHA-256 is {found}, the build host's {proof['bits']}")
    return {"bits": found, "steps": proof["steps"]}


def main(argv: Sequence[str]) -> int:
    """Write the verdict, or say what differs and return 1."""
    parser = argparse.ArgumentParser(prog="micro_emulate", description="Replay the probe set on a firmware's objects.")
    parser.add_argument("--triple", required=True)
    parser.add_argument("--cpu", required=True)
    parser.add_argument("--run", action="append", default=[], metavar="WORD")
    parser.add_argument("--helpers", required=True, type=Path)
    parser.add_argument("--agent", action="append", nargs=4, default=[], metavar=("NAME", "OBJECT", "PROOF", "PROBE"))
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(argv)
    target, verdicts = (options.triple, options.cpu), {}
    try:
        for name, code, proof, probe in options.agent:
            with tempfile.TemporaryDirectory(prefix="micro-") as folder:
                program = link(Path(code), options.helpers, target, Path(folder))
                verdicts[name] = judge([*options.run, str(program)], name, json.loads(Path(proof).read_text()), Path(probe))
    except (Differs, ToolchainFault, subprocess.TimeoutExpired) as fault:
        print(fault, file=sys.stderr)
        return 1
    options.out.write_text(json.dumps({"agents": verdicts, "schema": 1}, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
