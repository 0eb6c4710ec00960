"""Exports: one coalition, optimised for one board, in one image, with the evidence that it is ready."""

from __future__ import annotations

from dataclasses import dataclass, replace

from buildgraph import Artifact, Ctx, Duration, Gate, In, Out, Program, Provider, Size, Tool, rule

from .actions.backends import compiled
from .actions.compile_agents import link
from .actions.image import assemble
from .actions.quantize import Fidelity, Storage, stored
from .coalition import Coalition
from .hardware import Hardware

EMULATE_PROGRAM = Tool("emulate_program")
MEASURE_IMAGE = Tool("measure_image")
REPORT_EXPORT = Tool("report_export")


@dataclass(frozen=True)
class Budget:
    """Limits that gates check: bytes of image and memory, nanoseconds of a step (0: none)."""

    image: Size = Size(0)
    memory: Size = Size(0)
    step_p99: Duration = Duration(0)


@dataclass(frozen=True)
class Export(Provider):
    """An image ready to deploy, the program in it, what became of the agents, and the gates that prove it.

    `storage` says how agents are stored and what that lost, where fewer bits were asked for.
    """

    image: Artifact
    program: Artifact
    report: Artifact
    gates: tuple[Gate, ...]
    storage: Artifact | None = None


@rule
def export(
    ctx: Ctx,
    coalition: Coalition,
    hardware: Hardware,
    budget: Budget = Budget(),
    storage: Storage | None = None,
    fidelity: Fidelity | None = None,
) -> Export:
    """One coalition, optimised for one board, in one reproducible image.

    `budget = { image = "2MiB", memory = "8MiB", step_p99 = "5ms" }` sets limits that the gates check.

    `storage = "uint16"`, "fp16" or "palette" (8 bits) stores probabilities in fewer bits, "smallest" whatever is smallest;
    `fidelity = { kl = 1e-3, regret = 1e-3, agreement = 0.999 }` is what that may cost: nats by which beliefs diverge, nats
    that an action loses, and the share of episodes in which none loses more, shown at 95 %. What costs more is refused.
    """
    compiled(ctx, coalition.members)
    members, page = stored(
        ctx, coalition.members, (storage, fidelity), (hardware.triple, hardware.cpu)
    )
    coalition = replace(coalition, members=members)
    program = link(
        ctx, coalition.members, coalition.links, coalition.running, (hardware.triple, hardware.cpu)
    )
    image = assemble(
        ctx,
        program,
        (hardware.arch, hardware.variant),
        {"org.opencontainers.image.title": ctx.label.name},
        coalition.running,
    )
    gates = [
        emulate(ctx, program, coalition, hardware),
        measure(ctx, program, image, hardware.arch, budget),
    ]
    if budget.step_p99:
        gates.append(Gate("step_p99", gates[0].verdict, (f"a {hardware.profile} to measure on",)))
    return Export(
        image, program, report(ctx, program, image, coalition, hardware), tuple(gates), page
    )


def emulate(ctx: Ctx, program: Artifact, coalition: Coalition, hardware: Hardware) -> Gate:
    """The board's program replays the probe set on its emulated core: its bits must be the build host's."""
    foreign = hardware.arch != "amd64"
    words: list[str | Program | In | Out] = []
    if foreign:
        words = ["--run", Program(hardware.qemu), "--run=-cpu", "--run", hardware.qemu_cpu]
    for member in coalition.members:
        proof, probe = (f"in/{member.name}/{name}" for name in ("proof.json", "probe"))
        words += [
            "--agent",
            member.name,
            In(member.proved.proof, proof),
            In(member.proved.planned.probe, probe),
        ]
    (verdict,) = ctx.tool(
        EMULATE_PROGRAM,
        In(program, "in/program"),
        *words,
        "--out",
        Out("emulation.json"),
        title=f"emulate {hardware.qemu_cpu if foreign else hardware.cpu}",
    )
    return Gate("emulation", verdict, (hardware.qemu,) if foreign else ("an x86-64 host",))


def measure(ctx: Ctx, program: Artifact, image: Artifact, arch: str, budget: Budget) -> Gate:
    """The image fits board and budget, as far as files can tell."""
    limits = ("--max-image", str(int(budget.image)), "--max-memory", str(int(budget.memory)))
    (verdict,) = ctx.tool(
        MEASURE_IMAGE,
        "--program",
        program,
        "--image",
        image,
        "--arch",
        arch,
        *limits,
        "--out",
        Out("evidence.json"),
        title="measure the image",
    )
    return Gate("fitness", verdict)


def report(
    ctx: Ctx, program: Artifact, image: Artifact, coalition: Coalition, hardware: Hardware
) -> Artifact:
    """What the compiler made of each agent, its proof and the sizes, as report.txt and report.json."""
    words: list[str | In] = ["--board", hardware.profile, "--cpu", hardware.cpu]
    for member in coalition.members:
        planned, folder = member.proved.planned, f"in/{member.name}"
        words += [
            "--agent",
            member.name,
            In(planned.ir, f"{folder}/ir"),
            In(planned.plan, f"{folder}/plan"),
            In(member.proved.proof, f"{folder}/proof.json"),
        ]
    (made,) = ctx.tool(
        REPORT_EXPORT,
        "--program",
        In(program, "in/program"),
        "--image",
        In(image, "in/image"),
        *words,
        "--out",
        Out("report", tree=True),
        title="report",
    )
    return made
