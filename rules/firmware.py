"""Firmware (experimental): proved agents as a static library and a header for a microcontroller."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import (
    Artifact,
    BuildError,
    Ctx,
    Gate,
    In,
    Out,
    Program,
    Provider,
    Size,
    Tool,
    did_you_mean,
    rule,
)

from .actions.backends import require_native_code
from .actions.compile_agents import compile_agent
from .actions.members import Member
from .actions.quantize import Fidelity, Storage, quantize_members
from .boards.microcontrollers import MICROS, Microcontroller
from .coalition import Coalition

COMPILE_MCU_HELPERS = Tool("compile_mcu_helpers")
ARCHIVE_MCU_LIBRARY = Tool("archive_mcu_library")
EMULATE_MCU = Tool("emulate_mcu")


@dataclass(frozen=True)
class Firmware(Provider):
    """A library of agents, its C header, and the flash and memory that each agent uses.

    `storage` reports the quantization, if one was requested.
    """

    library: Artifact
    header: Artifact
    sizes: Artifact
    gates: tuple[Gate, ...]
    storage: Artifact | None = None


@rule
def firmware(
    ctx: Ctx,
    coalition: Coalition,
    core: str,
    flash: Size = Size(0),
    memory: Size = Size(0),
    storage: Storage | None = None,
    fidelity: Fidelity | None = None,
) -> Firmware:
    """Agents for a microcontroller, experimental: `libagents.a` and `agents.h`, freestanding, no
    heap.

    `core` is one of cortex-m0plus, cortex-m3, cortex-m4f, cortex-m7, cortex-m33. `flash` and
    `memory` limit the agents' own code and tables. The firmware itself implements links, ticks and
    input. `storage` and `fidelity` are those of `export`.
    """
    micro = MICROS.get(core)
    if micro is None:
        raise BuildError(
            f"no core {core!r}",
            ctx.target.place("core"),
            did_you_mean(core, MICROS) or f"known are {', '.join(MICROS)}",
        )
    require_native_code(ctx, coalition.members)
    target = (micro.triple, micro.cpu)
    members, page = quantize_members(
        ctx, coalition.members, target, "--small", storage=storage, budget=fidelity
    )
    objects = {member.name: compile_agent(ctx, member, target, "--small") for member in members}
    (helpers,) = ctx.tool(
        COMPILE_MCU_HELPERS,
        "--triple",
        micro.triple,
        "--cpu",
        micro.cpu,
        "--out",
        Out("helpers.o"),
        title=f"helpers for {core}",
    )
    words: list[str | In] = []
    for name, code in objects.items():
        words += ["--object", name, In(code, f"in/{name}/agent.o")]
    limits = ("--max-flash", str(int(flash)), "--max-memory", str(int(memory)))
    library, header, sizes = ctx.tool(
        ARCHIVE_MCU_LIBRARY,
        *words,
        "--helpers",
        helpers,
        "--core",
        core,
        *limits,
        "--out",
        Out("libagents.a"),
        "--header",
        Out("agents.h"),
        "--sizes",
        Out("sizes.json"),
        title=f"library for {core}",
    )
    return Firmware(library, header, sizes, (emulate(ctx, members, objects, helpers, micro),), page)


def emulate(
    ctx: Ctx,
    members: tuple[Member, ...],
    objects: dict[str, Artifact],
    helpers: Artifact,
    micro: Microcontroller,
) -> Gate:
    """Declare the emulation gate: the objects of the library must reproduce the build host's
    bits.
    """
    words: list[str | Artifact | In | Program] = [
        "--triple",
        micro.triple,
        "--cpu",
        micro.cpu,
        "--run",
        Program(micro.qemu),
        "--run=-cpu",
        "--run",
        micro.qemu_cpu,
        "--helpers",
        helpers,
    ]
    for member in members:
        paths = [f"in/{member.name}/{name}" for name in ("agent.o", "proof.json", "probe")]
        staged = (objects[member.name], member.proved.proof, member.proved.planned.probe)
        words += [
            "--agent",
            member.name,
            *(In(artifact, path) for artifact, path in zip(staged, paths, strict=True)),
        ]
    (verdict,) = ctx.tool(
        EMULATE_MCU, *words, "--out", Out("emulation.json"), title=f"emulate {micro.cpu}"
    )
    return Gate("emulation", verdict, (micro.qemu,))
