"""The gate `step_p99`: the time of a step, judged by counted instructions or by a measurement."""

from __future__ import annotations

from buildgraph import Artifact, Ctx, Gate, In, Out, Program, Tool

from ..boards.catalogue import BOARDS
from ..boards.ipc import ipc_range
from ..coalition import Coalition
from ..hardware import Hardware
from .members import stage_members

COMPILE_COUNTER = Tool("compile_counter")
COUNT_STEPS = Tool("count_steps")
JUDGE_DEADLINE = Tool("judge_deadline")


def deadline_gate(
    ctx: Ctx,
    program: Artifact,
    coalition: Coalition,
    hardware: Hardware,
    *,
    limit: int,
    measured: Artifact | None,
    workers: Artifact | None = None,
) -> Gate:
    """Declare the gate for a limit in nanoseconds. `measured` is evidence of the device."""
    emulator = hardware.qemu.removesuffix("-static")
    board = BOARDS.get(hardware.profile)
    uarch = board.uarch if board else hardware.cpu.replace("_", "-")
    ipc = ipc_range(uarch)
    words = ["--limit", str(limit), "--board", hardware.profile, "--core", uarch]
    words += ["--mhz", *map(str, hardware.clock_mhz)]
    words += ["--ipc", str(ipc.least), str(ipc.most), ipc.source]
    words += ["--caches", str(max(hardware.l2, hardware.l3))]
    evidence: list[str | In]
    if measured is None:
        counts = count_steps(ctx, program, coalition, hardware, workers)
        evidence = ["--counts", In(counts, "in/counts")]
    else:
        for name in board.compatible if board else ():
            words += ["--compatible", name]
        evidence = ["--measured", In(measured, "in/measured")]
    (verdict,) = ctx.tool(
        JUDGE_DEADLINE,
        "--program",
        In(program, "in/program"),
        *words,
        *evidence,
        "--out",
        Out("step_p99.json"),
        title="judge the time of a step",
    )
    return Gate("step_p99", verdict, () if measured else (emulator,))


def count_steps(
    ctx: Ctx,
    program: Artifact,
    coalition: Coalition,
    hardware: Hardware,
    workers: Artifact | None = None,
) -> Artifact:
    """Declare the count of instructions. Limit and clock are no inputs of it."""
    (counter,) = ctx.tool(
        COMPILE_COUNTER, "--out", Out("counter", tree=True), title="compile the counter"
    )
    words, staged = stage_members(
        coalition.members, "interface", "probe", "labels", "ir", "plan", workers=workers
    )
    (counts,) = ctx.tool(
        COUNT_STEPS,
        In(program, "in/program"),
        "--emulator",
        Program(hardware.qemu.removesuffix("-static")),
        "--core",
        hardware.qemu_cpu,
        "--counter",
        In(counter, "in/counter"),
        *words,
        "--links",
        In(coalition.links, "in/links.json"),
        "--copies",
        str(coalition.running.copies),
        "--out",
        Out("counts.json"),
        inputs=staged,
        title=f"count instructions of {hardware.qemu_cpu}",
    )
    return counts
