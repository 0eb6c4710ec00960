"""Replay of a probe set on firmware objects under an emulator.

Each object is linked with native/mcu.h, which reads records and writes replies, and with the
library's compiler helpers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentc.codegen.native_files import native
from agentc.proof.emulation import BitsDiffer, run
from agentc.proof.replay import bits, load_probe
from agentc.toolchain.elf import agent_symbol
from agentc.toolchain.zig import SMALL, compile_object, link_program


def link(code: Path, helpers: Path, target: tuple[str, str], folder: Path) -> Path:
    """Link a program that replays records on one agent."""
    text = native(("agent.h", "mcu.h"))
    (folder / "main.c").write_text(
        f"#define AGENT {agent_symbol(code.read_bytes())}\n{text}", encoding="ascii"
    )
    compile_object(folder / "main.c", target, folder / "main.o", SMALL)
    link_program([folder / "main.o", code, helpers], target[0], folder / "program")
    return folder / "program"


def judge(command: Sequence[str], name: str, proof: dict[str, Any], probe: Path) -> dict[str, Any]:
    """Return the verdict for one agent; Differs if a bit differs."""
    digest = bits(run(command, load_probe(probe).records().tobytes()))
    if digest != proof["bits"]:
        raise BitsDiffer(
            f"agent {name}: the replay's SHA-256 is {digest}, the build host's {proof['bits']}"
        )
    return {"bits": digest, "steps": proof["steps"]}
