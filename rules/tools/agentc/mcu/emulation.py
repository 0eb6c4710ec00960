"""Replay the probe set on the objects of a firmware under an emulator, and compare the bits with the proof's.

    emulate_mcu.py --triple T --cpu C --run qemu-arm-static --run=-cpu --run max --helpers helpers.o
                     --agent scout agent.o proof.json probe/ --out emulation.json

Each object is linked with a few lines that read records and write answers (native/mcu.h), and with the library's helpers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentc.codegen.native_files import native
from agentc.proof.emulation import Differs, run
from agentc.proof.replay import bits, load_probe
from agentc.toolchain.elf import agent_symbol
from agentc.toolchain.zig import SMALL, compile_object, link_program


def link(code: Path, helpers: Path, target: tuple[str, str], folder: Path) -> Path:
    """A program that replays records on one agent."""
    text = native(("agent.h", "mcu.h"))
    (folder / "main.c").write_text(
        f"#define AGENT {agent_symbol(code.read_bytes())}\n{text}", encoding="ascii"
    )
    compile_object(folder / "main.c", target, folder / "main.o", SMALL)
    link_program([folder / "main.o", code, helpers], target[0], folder / "program")
    return folder / "program"


def judge(command: Sequence[str], name: str, proof: dict[str, Any], probe: Path) -> dict[str, Any]:
    """One agent's verdict; Differs when a bit does."""
    found = bits(run(command, load_probe(probe).records().tobytes()))
    if found != proof["bits"]:
        raise Differs(
            f"agent {name}: the replay's SHA-256 is {found}, the build host's {proof['bits']}"
        )
    return {"bits": found, "steps": proof["steps"]}
