"""Prove compiled code against the float64 reference.

    prove_native.py agent.c --name scout --interface interface.json --probe DIR --out proof.json

The agent is compiled for this machine and replays the probe, fed the reference's observations and the executed
actions, which need not be those that the reference chose. A step is a violation unless its first action is within
1e-3 nats of the best and its beliefs within 1e-5 nats of Kullback-Leibler divergence, so NaN is one. An agent that
draws its actions draws with the reference's numbers: its action must be one that a number within 1e-3 would have
chosen, and the divergence of its posterior over policies counts, too. The bits proved here are the bits of every target.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentc.codegen.links import ports_of
from agentc.codegen.main import Program, emit_main
from agentc.proof.fidelity import KL_LIMIT, REGRET_LIMIT
from agentc.proof.replay import GOLDEN_STEPS, bits, golden_hash, width
from agentc.toolchain.errors import ToolchainFault
from agentc.toolchain.zig import SMALL, compile_object, host_target, link_program

TIMEOUT = 600.0


def build_host_program(
    agent_c: Path, name: str, interface: Mapping[str, Any], folder: Path
) -> Path:
    """A program of this one agent for the machine that builds."""
    target = host_target()
    main_c = folder / "main.c"
    main_c.write_text(emit_main(Program({name: ports_of(interface, {})})), encoding="ascii")
    objects: list[Path] = []
    for source, extra in ((main_c, SMALL), (agent_c, ())):
        objects.append(folder / f"{len(objects)}.o")
        compile_object(source, target, objects[-1], extra)
    link_program(objects, target[0], folder / "program")
    return folder / "program"


def run_replay(program: Path, name: str, records: bytes, emulator: Sequence[str] = ()) -> bytes:
    """What the program answers to the records; ToolchainFault when it fails."""
    done = subprocess.run(
        [*emulator, str(program), "--replay", name],
        input=records,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise ToolchainFault(
            f"the compiled agent failed to replay the probe (exit {done.returncode}): "
            f"{done.stderr.decode('ascii', 'replace')[:500]}"
        )
    return done.stdout


def identity(answered: bytes, interface: Mapping[str, Any]) -> dict[str, Any]:
    """The hashes of what a program answered: of all, and of the first steps, which it keeps for its self-test."""
    golden = min(GOLDEN_STEPS, len(answered) // width(interface))
    return {
        "bits": bits(answered),
        "golden": golden_hash(answered[: golden * width(interface)]),
        "golden_steps": golden,
    }


def explain(proof: Mapping[str, Any]) -> str:
    """Why a proof failed, with the numbers."""
    regret, kl = float.fromhex(proof["regret_max"]), float.fromhex(proof["kl_max"])
    return (
        f"the compiled agent does not do what the reference does: {proof['violations']} of "
        f"{proof['steps']} steps violate (regret up to {regret:.3g} nats, limit {REGRET_LIMIT}; "
        f"divergence of beliefs up to {kl:.3g} nats, limit {KL_LIMIT}), in {proof['violating_episodes']} of "
        f"{proof['episodes']} episodes; at 95 % confidence at least {proof['lower_bound']} of all steps and "
        f"{proof['lower_bound_episodes']} of all episodes are right"
    )
