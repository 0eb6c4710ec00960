"""Actions of the agent compiler, from arrays to a proved program. Each step is one action.

    source -> import -> ir -> plan -> emit -> agent.c -> compile -> agent.o -> link -> program
                         ir -> probe ---------^ prove (host bits, float64 reference)

No action before `compile` depends on a board, so all boards share them. `compile` depends on the
target triple and the CPU only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildgraph import Artifact, Ctx, In, Out, Tool

from .members import Member, Planned, Proved, stage_members
from .workers import WorkerChoice, choose_workers

PLAN_AGENT = Tool("plan_agent")
MAKE_PROBE = Tool("make_probe")
RECORD_NOMINAL = Tool("record_nominal")
EMIT_AGENT = Tool("emit_agent")
PROVE_NATIVE = Tool("prove_native")
COMPILE_C = Tool("compile_c")
EMIT_PROGRAM = Tool("emit_program")
LINK_PROGRAM = Tool("link_program")
LINK_MODULE = Tool("link_module")


@dataclass(frozen=True)
class ProbeSize:
    """Size of the proof: episodes, steps of each episode, and seed of the random numbers."""

    episodes: int = 8
    steps: int = 32
    seed: int = 0

    def words(self) -> tuple[str, ...]:
        """Return the options of `make_probe`."""
        return (
            "--episodes",
            str(self.episodes),
            "--steps",
            str(self.steps),
            "--seed",
            str(self.seed),
        )


@dataclass(frozen=True)
class RunSettings:
    """Run-time settings of a coalition.

    `tick` and `deadline` are nanoseconds, 0 for none. `copies` counts instances of the whole
    coalition. `false_alarm_every` and `tolerance` are the limits of the monitor; 0 steps: no
    monitor.
    """

    tick: int = 0
    deadline: int = 0
    copies: int = 1
    http: bool = False
    false_alarm_every: float = 0.0
    tolerance: float = 0.0

    @property
    def monitor_words(self) -> list[str]:
        """Return the limits of the monitor as options; none without a monitor."""
        if not self.false_alarm_every:
            return []
        limits = (
            ("--false-alarm-every", self.false_alarm_every),
            ("--tolerance", self.tolerance),
        )
        return [word for option, value in limits for word in (option, repr(value))]

    def words(self) -> list[str]:
        """Return the options of `emit_program` that differ from its defaults."""
        options = (
            ("--tick", self.tick, 0),
            ("--deadline", self.deadline, 0),
            ("--copies", self.copies, 1),
        )
        return [
            word
            for option, value, default in options
            if value != default
            for word in (option, str(value))
        ] + [*(["--http"] if self.http else []), *self.monitor_words]

    @property
    def command(self) -> tuple[str, ...]:
        """Default command-line arguments of the program in its image."""
        return ("--listen", f":{self.port}") if self.http else ()

    @property
    def port(self) -> int:
        """TCP port of the program in its image; 0 for none."""
        return 8080 if self.http else 0


def plan(ctx: Ctx, ir: Artifact, probing: ProbeSize) -> Planned:
    """Declare the exact compiler passes, the probe set and the nominal model of the monitor.

    None of them depends on a board.
    """
    tables, interface = ctx.tool(
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
    (nominal,) = ctx.tool(
        RECORD_NOMINAL,
        "--ir",
        ir,
        "--plan",
        tables,
        "--probe",
        probe,
        "--out",
        Out("monitor.json"),
        title="record nominal behaviour",
    )
    return Planned(ir, tables, interface, probe, nominal)


def prove(ctx: Ctx, name: str, planned: Planned) -> Proved:
    """Declare the agent's C code and its proof against the reference on this host."""
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


def emit_program(
    ctx: Ctx,
    members: Sequence[Member],
    links: Artifact,
    running: RunSettings,
    workers: Artifact | None = None,
) -> Artifact:
    """Declare the C file of the program: order of agents, links, run-time settings, self-test."""
    monitored = ["monitor"] if running.false_alarm_every else []
    words, staged = stage_members(
        members, "interface", "proof", "probe", "labels", *monitored, workers=workers
    )
    (text,) = ctx.tool(
        EMIT_PROGRAM,
        *running.words(),
        *words,
        "--links",
        links,
        "--out",
        Out("main.c"),
        inputs=staged,
        title="emit the program",
    )
    return text


@dataclass(frozen=True)
class Linked:
    """A program, the objects of its agents by their names, and the choice of its workers."""

    program: Artifact
    objects: dict[str, Artifact]
    workers: WorkerChoice


def link(
    ctx: Ctx,
    members: Sequence[Member],
    links: Artifact,
    running: RunSettings,
    target: tuple[str, str],
    *,
    cores: int,
) -> Linked:
    """Declare the program of a coalition for a target and the cores of a board. Unchanged agents
    are not compiled again.
    """
    workers = choose_workers(ctx, members, links, cores)
    objects = [compile_agent(ctx, member, target) for member in members]
    text = emit_program(ctx, members, links, running, workers.several)
    main = _compile(ctx, "main", text, target, "--small")
    (program,) = ctx.tool(
        LINK_PROGRAM, *objects, main, "--triple", target[0], "--out", Out("agent"), title="link"
    )
    names = (member.name for member in members)
    return Linked(program, dict(zip(names, objects, strict=True)), workers)


def link_module(
    ctx: Ctx, members: Sequence[Member], links: Artifact, running: RunSettings
) -> Artifact:
    """Declare the program of a coalition as a WebAssembly module. It does not depend on a board."""
    text = emit_program(ctx, members, links, running)
    words: list[str | In] = []
    for member in members:
        assert member.proved.code is not None, "agents of the python backend have no code"
        words += ["--agent", In(member.proved.code, f"in/{member.name}/agent.c")]
    (module,) = ctx.tool(
        LINK_MODULE,
        In(text, "in/main.c"),
        *words,
        "--out",
        Out("agent.wasm"),
        title="link a module",
    )
    return module


def compile_agent(ctx: Ctx, member: Member, target: tuple[str, str], *options: str) -> Artifact:
    """Declare the object of a native agent for a target; `--small` optimises for size."""
    assert member.proved.code is not None, "agents of the python backend have no code"
    return _compile(ctx, member.name, member.proved.code, target, *options)


def _compile(
    ctx: Ctx, name: str, code: Artifact, target: tuple[str, str], *options: str
) -> Artifact:
    triple, cpu = target
    (compiled,) = ctx.tool(
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
    return compiled
