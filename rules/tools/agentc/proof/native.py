"""Proof of compiled code: build a program for this host and replay a probe on it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentc.codegen.links import ports_of
from agentc.codegen.main import ProgramSpec, emit_main
from agentc.proof.fidelity import KL_LIMIT, REGRET_LIMIT
from agentc.proof.replay import GOLDEN_STEPS, bits, golden_hash, width
from agentc.toolchain.errors import ToolchainError
from agentc.toolchain.zig import SMALL, compile_object, host_target, link_program

TIMEOUT = 600.0


def build_host_program(
    agent_c: Path, name: str, interface: Mapping[str, Any], folder: Path
) -> Path:
    """Build a program of one agent for this machine."""
    target = host_target()
    main_c = folder / "main.c"
    main_c.write_text(emit_main(ProgramSpec({name: ports_of(interface, {})})), encoding="ascii")
    objects: list[Path] = []
    for source, extra in ((main_c, SMALL), (agent_c, ())):
        objects.append(folder / f"{len(objects)}.o")
        compile_object(source, target, objects[-1], extra)
    link_program(objects, target[0], folder / "program")
    return folder / "program"


def run_replay(program: Path, name: str, records: bytes, emulator: Sequence[str] = ()) -> bytes:
    """Return the program's replies to the records; ToolchainError if it fails."""
    done = subprocess.run(
        [*emulator, str(program), "--replay", name],
        input=records,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise ToolchainError(
            f"the compiled agent failed to replay the probe (exit {done.returncode}): "
            f"{done.stderr.decode('ascii', 'replace')[:500]}"
        )
    return done.stdout


def identity(answered: bytes, interface: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hashes of a program's output: of all steps, and of the golden steps."""
    golden = min(GOLDEN_STEPS, len(answered) // width(interface))
    return {
        "bits": bits(answered),
        "golden": golden_hash(answered[: golden * width(interface)]),
        "golden_steps": golden,
    }


def explain_failure(proof: Mapping[str, Any]) -> str:
    """Explain a failed proof with its numbers."""
    regret, kl = float.fromhex(proof["regret_max"]), float.fromhex(proof["kl_max"])
    return (
        f"the compiled agent differs from the reference: {proof['violations']} of "
        f"{proof['steps']} steps violate (regret up to {regret:.3g} nats, limit {REGRET_LIMIT}; "
        f"divergence of beliefs up to {kl:.3g} nats, limit {KL_LIMIT}), in "
        f"{proof['violating_episodes']} of "
        f"{proof['episodes']} episodes; at 95 % confidence at least {proof['lower_bound']} of "
        "all steps and "
        f"{proof['lower_bound_episodes']} of all episodes are right"
    )
