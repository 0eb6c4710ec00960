"""Boards that boot an export: kernel, process 1, the first bundle; and the gate that tries them.

Nothing here is an input of the image, so an image does not depend on the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgraph import Artifact, BuildError, Ctx, Gate, In, Out, Program, Tool

from .compile_agents import COMPILE_C, LINK_PROGRAM

if TYPE_CHECKING:
    from ..coalition import Coalition
    from ..hardware import Hardware
    from ..kernel import Kernel

EMIT_BOARDINIT = Tool("emit_boardinit")
ASSEMBLE_BOARD = Tool("assemble_board")
BOOT_BOARD = Tool("boot_board")
QEMU = "qemu-system-aarch64"
MKE2FS = "mke2fs"
MOST_MEMORY = 1 << 30  # bytes that are emulated; a kernel needs longer to start with more
_TIMEOUT_S = 900


def boot(
    ctx: Ctx, image: Artifact, kernel: Kernel, coalition: Coalition, hardware: Hardware
) -> tuple[Artifact, Gate]:
    """Declare the files of a board that boots an image, and the gate that boots them."""
    if hardware.arch != "arm64":
        raise BuildError(
            f"{ctx.label}: a {hardware.profile} is {hardware.arch}, and boards of arm64 are booted",
            ctx.target.place("boot"),
            "leave out boot for this board",
        )
    program = _boardinit(ctx, (hardware.triple, hardware.cpu))
    files = _assemble(ctx, image, kernel, program)
    (verdict,) = ctx.tool(
        BOOT_BOARD,
        "--qemu",
        Program(QEMU),
        "--mke2fs",
        Program(MKE2FS),
        "--run",
        Program(hardware.qemu),
        "--init",
        In(program, "in/boardinit"),
        "--board",
        In(files, "in/board"),
        "--image",
        In(image, "in/image"),
        "--cpu",
        hardware.qemu_cpu,
        "--memory",
        str(min(hardware.memory, MOST_MEMORY)),
        *_request(coalition),
        "--out",
        Out("boot.json"),
        title=f"boot on an emulated {hardware.qemu_cpu}",
        timeout=_TIMEOUT_S,
    )
    return files, Gate("boot", verdict, (QEMU, MKE2FS, hardware.qemu))


def _boardinit(ctx: Ctx, target: tuple[str, str]) -> Artifact:
    """Declare boardinit, process 1, for a target."""
    (text,) = ctx.tool(EMIT_BOARDINIT, "--out", Out("boardinit.c"), title="emit boardinit")
    triple, cpu = target
    (compiled,) = ctx.tool(
        COMPILE_C,
        text,
        "--triple",
        triple,
        "--cpu",
        cpu,
        "--small",
        "--out",
        Out("boardinit.o"),
        title=f"compile boardinit for {cpu}",
    )
    (program,) = ctx.tool(
        LINK_PROGRAM,
        compiled,
        "--triple",
        triple,
        "--out",
        Out("boardinit"),
        title="link boardinit",
    )
    return program


def _assemble(ctx: Ctx, image: Artifact, kernel: Kernel, program: Artifact) -> Artifact:
    """Declare the folder that boots a board: kernel, first file system, first bundle."""
    (files,) = ctx.tool(
        ASSEMBLE_BOARD,
        "--image",
        In(image, "in/image"),
        "--kernel",
        In(kernel.kernel, "in/kernel"),
        "--init",
        In(program, "in/boardinit"),
        "--out",
        Out("board", tree=True),
        title="assemble the board",
    )
    return files


def _request(coalition: Coalition) -> list[str | In]:
    """Return the options that say which observations a step needs."""
    words: list[str | In] = ["--copies", str(coalition.running.copies)]
    for member in coalition.members:
        planned = member.proved.planned
        words += ["--agent", member.name, In(planned.interface, f"in/{member.name}/interface")]
        words.append(In(member.labels, f"in/{member.name}/labels"))
        words.append(str(member.replicas or 0))
    return [*words, "--links", In(coalition.links, "in/links.json")]
