"""The agent compiler's actions: from arrays to a proved program. Each step is one action with its own key.

    source -> ingest -> ir -> plan -> emit -> agent.c -> compile -> agent.o -> link -> program
                         ir -> probe ---------^ prove (host bits, float64 reference)

Nothing before `compile` knows a board, so all boards share it; `compile` receives triple and cpu and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildgraph import Artifact, Ctx, In, Out, Tool

PLAN_AGENT = Tool("plan_agent")
MAKE_PROBE = Tool("make_probe")
EMIT_AGENT = Tool("emit_agent")
PROVE_NATIVE = Tool("prove_native")
COMPILE_C = Tool("compile_c")
EMIT_PROGRAM = Tool("emit_program")
LINK_PROGRAM = Tool("link_program")


@dataclass(frozen=True)
class Probing:
    """How much the reference does for the proof: episodes, steps of each, and the seed of its random numbers."""

    episodes: int = 8
    steps: int = 32
    seed: int = 0

    def words(self) -> tuple[str, ...]:
        """The options of the tool."""
        return (
            "--episodes",
            str(self.episodes),
            "--steps",
            str(self.steps),
            "--seed",
            str(self.seed),
        )


@dataclass(frozen=True)
class Planned:
    """A model after the passes: tables, the small file that others need of it, and what the reference did."""

    ir: Artifact
    plan: Artifact
    interface: Artifact
    probe: Artifact


@dataclass(frozen=True)
class Proved:
    """An agent's code under its name, and the proof that it decides as the float64 reference does.

    An agent of the python backend has no code, but a page about its proof; `python` says why it is one.
    """

    name: str
    code: Artifact | None
    proof: Artifact
    planned: Planned
    python: str = ""
    page: Artifact | None = None


@dataclass(frozen=True)
class Member:
    """An agent of a coalition: its name, the names in its model, its proved code, how many replicas (None: itself)."""

    name: str
    labels: Artifact
    proved: Proved
    replicas: int | None = None


@dataclass(frozen=True)
class Running:
    """How a coalition runs: nanoseconds of a tick and until a step is late (0: none), copies of it all, its HTTP face."""

    tick: int = 0
    deadline: int = 0
    copies: int = 1
    http: bool = False

    def words(self) -> list[str]:
        """The options of the tool that differ from what it does by itself."""
        given = (
            ("--tick", self.tick, 0),
            ("--deadline", self.deadline, 0),
            ("--copies", self.copies, 1),
        )
        return [
            word
            for option, value, default in given
            if value != default
            for word in (option, str(value))
        ] + (["--http"] if self.http else [])

    @property
    def command(self) -> tuple[str, ...]:
        """The words that the program gets in its image when the user gives none."""
        return ("--listen", f":{self.port}") if self.http else ()

    @property
    def port(self) -> int:
        """The TCP port on which the program listens in its image; 0 for none."""
        return 8080 if self.http else 0


def plan(ctx: Ctx, ir: Artifact, probing: Probing) -> Planned:
    """Exact passes and the probe set; independent of any board."""
    made, interface = ctx.tool(
        PLAN_AGENT,
        "--ir",
        ir,
        "--out",
        Out("plan", tree=True),
        "--interface",
        Out("interface.json"),
        title="plan",
    )
    (probe,) = ctx.tool(
        MAKE_PROBE, "--ir", ir, *probing.words(), "--out", Out("probe", tree=True), title="probe"
    )
    return Planned(ir, made, interface, probe)


def prove(ctx: Ctx, name: str, planned: Planned) -> Proved:
    """The agent's C, and its proof against the reference on this host."""
    (code,) = ctx.tool(
        EMIT_AGENT,
        "--plan",
        planned.plan,
        "--name",
        name,
        "--out",
        Out("agent.c"),
        title=f"emit {name}",
    )
    (proof,) = ctx.tool(
        PROVE_NATIVE,
        code,
        "--name",
        name,
        "--interface",
        planned.interface,
        "--probe",
        planned.probe,
        "--out",
        Out("proof.json"),
        title=f"prove {name}",
    )
    return Proved(name, code, proof, planned)


def main_file(ctx: Ctx, members: Sequence[Member], links: Artifact, running: Running) -> Artifact:
    """The C of the program around the agents: their order, their links, how they run, the steps of its self-test."""
    words = running.words()
    staged: list[In] = []
    for member in members:
        planned = member.proved.planned
        for option, artifact in (
            ("interface", planned.interface),
            ("proof", member.proved.proof),
            ("probe", planned.probe),
            ("labels", member.labels),
        ):
            staged.append(In(artifact, f"in/{member.name}/{option}"))
            words += [f"--{option}", f"{member.name}={staged[-1].path}"]
        if member.replicas is not None:
            words += ["--replicas", f"{member.name}={member.replicas}"]
    (text,) = ctx.tool(
        EMIT_PROGRAM,
        *words,
        "--links",
        links,
        "--out",
        Out("main.c"),
        inputs=staged,
        title="emit the program",
    )
    return text


def link(
    ctx: Ctx, members: Sequence[Member], links: Artifact, running: Running, target: tuple[str, str]
) -> Artifact:
    """The program of a coalition for target = (triple, cpu): an agent that did not change is not compiled again."""
    objects = [compile_agent(ctx, member, target) for member in members]
    objects.append(
        _compile(ctx, "main", main_file(ctx, members, links, running), target, "--small")
    )
    (program,) = ctx.tool(
        LINK_PROGRAM, *objects, "--triple", target[0], "--out", Out("agent"), title="link"
    )
    return program


def compile_agent(ctx: Ctx, member: Member, target: tuple[str, str], *options: str) -> Artifact:
    """The object of a native agent for target = (triple, cpu); `--small` where flash counts."""
    assert member.proved.code is not None, "agents of the python backend have no code"
    return _compile(ctx, member.name, member.proved.code, target, *options)


def _compile(
    ctx: Ctx, name: str, code: Artifact, target: tuple[str, str], *options: str
) -> Artifact:
    triple, cpu = target
    (made,) = ctx.tool(
        COMPILE_C,
        code,
        "--triple",
        triple,
        "--cpu",
        cpu,
        *options,
        "--out",
        Out("agent.o"),
        title=f"compile {name} for {cpu}",
    )
    return made
