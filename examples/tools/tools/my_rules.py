"""Rules of this workspace.

A rule is a typed function; its signature is the schema of its tables in BUILD.toml.
"""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import Artifact, BuildError, Ctx, Out, Program, Provider, Source, rule

MACHINES = ("aarch64", "x86_64")


@dataclass(frozen=True)
class CProgram(Provider):
    """A static program for one kind of machine."""

    program: Artifact
    machine: str


@rule
def c_program(ctx: Ctx, source: Artifact, machine: str) -> CProgram:
    """Compile one C file to a static Linux program: `source = "count.c"`, `machine = "aarch64"`."""
    if machine not in MACHINES:
        raise BuildError(
            f"{ctx.label}: no machine {machine!r}",
            ctx.target.place("machine"),
            f"use one of {MACHINES}",
        )
    (program,) = ctx.run(
        (Program("python3"), Source("tools/cc.py"), source, machine, Out("program")),
        distributions=("ziglang",),
        title=f"compile for {machine}",
    )
    return CProgram(program, machine)
