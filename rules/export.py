"""Exports: one coalition, optimised for one board, in one image, with evidence of its readiness."""

from __future__ import annotations

from dataclasses import dataclass, replace

from buildgraph import Artifact, Ctx, Duration, Gate, In, Out, Program, Provider, Size, Tool, rule

from .actions.backends import require_native_code
from .actions.boot import boot as boot_board
from .actions.compile_agents import Linked, link, link_module
from .actions.container_gate import plan_container
from .actions.deadline_gate import deadline_gate
from .actions.image import assemble
from .actions.model_gate import check_model
from .actions.monitor import write_alerts
from .actions.quantize import Fidelity, Storage, quantize_members
from .actions.required_gates import require_gates
from .actions.static_gate import check_image
from .base_image import BaseImage, fetch_base
from .boards.board_file import board_file
from .coalition import Coalition
from .hardware import Hardware
from .kernel import Kernel
from .limits import board_words, cgroup_words, require_fit

EMULATE_PROGRAM = Tool("emulate_program")
MEASURE_IMAGE = Tool("measure_image")
REPORT_EXPORT = Tool("report_export")


@dataclass(frozen=True)
class Budget:
    """Limits that gates check: image and memory in bytes, p99 step time in nanoseconds; 0 for
    none.

    `ties` is the largest share of an agent's decisions that the tie rule makes.
    """

    image: Size = Size(0)
    memory: Size = Size(0)
    step_p99: Duration = Duration(0)
    ties: float = 1.0


@dataclass(frozen=True)
class Export(Provider):
    """A deployable image, its program, a report of the agents, and its gates.

    `storage` reports the quantization, if one was requested. `board` has the files that boot the
    image, if the export has a kernel. `alerts` has the alert rules of Prometheus for a program with
    HTTP and a monitor. `module` is the program as WebAssembly, if the export has one.
    """

    image: Artifact
    program: Artifact
    report: Artifact
    gates: tuple[Gate, ...]
    storage: Artifact | None = None
    board: Artifact | None = None
    alerts: Artifact | None = None
    module: Artifact | None = None


@rule
def export(
    ctx: Ctx,
    coalition: Coalition,
    hardware: Hardware,
    budget: Budget = Budget(),
    storage: Storage | None = None,
    fidelity: Fidelity | None = None,
    base: BaseImage | None = None,
    boot: Kernel | None = None,
    required: tuple[str, ...] = (),
    gates: tuple[Provider, ...] = (),
    allow: tuple[str, ...] = (),
    container: bool = False,
    measured: Artifact | None = None,
    module: bool = False,
) -> Export:
    """One coalition, optimised for one board, in one reproducible image.

    `budget = { image = "2MiB", memory = "8MiB", step_p99 = "5ms" }` sets limits that the gates
    check.

    `storage = "uint16"`, "fp16" or "palette" (8 bits) stores probabilities in fewer bits;
    "smallest" selects the smallest of them. `fidelity = { kl = 1e-3, regret = 1e-3, agreement =
    0.999 }` is its budget: nats of belief divergence, nats lost by an action, and the share of
    episodes within `regret`, shown with 95 % confidence. A storage beyond the budget is refused.

    `base = "//bases:debian"` is a `base_image` on which the program is put; without it, the image
    has the program only.

    `boot = "//kernels:debian"` is a `kernel`. The output `board` then has a kernel, a first file
    system and a bundle for devices without another operating system, and a gate boots them on an
    emulated board, updates the board and undoes a bad update.

    `required = ["emulation"]` names gates of this export that must not be "not checked", and `gates
    = ["//checks:types"]` targets whose gates must pass for it. `allow = ["shell"]` names checks of
    the gate `static` that may find something, such as the shell of a base image.

    `container = true` adds a gate that runs the image in Docker: hardened, at the limit of memory,
    under quotas of the processor, stopped and restarted.

    `measured = "evidence/jetson.json"` is what `agent --measure` printed on the board. It decides
    `step_p99` if its program and board are those of the export. Without it, counted instructions
    of emulated steps decide.

    `module = true` adds the output `module`: the program as WebAssembly, `agent.wasm`, with the
    same bits, for pages and node.
    """
    require_native_code(ctx, coalition.members)
    require_fit(ctx, hardware, budget, base)
    members, page = quantize_members(
        ctx,
        coalition.members,
        (hardware.triple, hardware.cpu),
        storage=storage,
        budget=fidelity,
    )
    coalition = replace(coalition, members=members)
    linked = link_for(ctx, coalition, hardware)
    program, machine = linked.program, (hardware.arch, hardware.variant)
    image = _image(ctx, program, coalition, hardware, base)
    own = [
        emulate(ctx, program, coalition, hardware),
        measure(ctx, linked, image, hardware, budget),
        check_model(ctx, coalition.members, coalition.links, coalition.blankets, budget.ties),
        check_image(ctx, image, machine, hardware.cpu, allow),
    ]
    if container:
        own.append(plan_container(ctx, image, coalition, budget.memory or hardware.available))
    if budget.step_p99:
        own.append(
            deadline_gate(
                ctx,
                program,
                coalition,
                hardware,
                limit=int(budget.step_p99),
                measured=measured,
                workers=linked.workers.several,
            )
        )
    board = None
    if boot:
        board, booted = boot_board(ctx, image, boot, coalition, hardware)
        own.append(booted)
    pages = report(ctx, linked, image, coalition, hardware)
    all_gates = require_gates(ctx, own, required, gates)
    alerts = write_alerts(ctx, coalition.members, coalition.running)
    web = (
        link_module(ctx, coalition.members, coalition.links, coalition.running) if module else None
    )
    return Export(image, program, pages, all_gates, page, board, alerts, web)


def link_for(ctx: Ctx, coalition: Coalition, hardware: Hardware) -> Linked:
    """Declare the program of a coalition for the core of a board, and for the number of cores."""
    target = (hardware.triple, hardware.cpu)
    members, links, running = coalition.members, coalition.links, coalition.running
    return link(ctx, members, links, running, target, cores=hardware.cores)


def _image(
    ctx: Ctx,
    program: Artifact,
    coalition: Coalition,
    hardware: Hardware,
    base: BaseImage | None,
) -> Artifact:
    """Declare the image of a program for a board, on a base image if there is one."""
    machine = (hardware.arch, hardware.variant)
    labels = {"org.opencontainers.image.title": ctx.label.name}
    if base:
        labels["org.opencontainers.image.base.name"] = base.name
    return assemble(
        ctx,
        program,
        machine,
        labels,
        coalition.running,
        base=fetch_base(ctx, base, machine) if base else None,
        board=board_file(hardware),
    )


def emulate(ctx: Ctx, program: Artifact, coalition: Coalition, hardware: Hardware) -> Gate:
    """Declare the emulation gate: the board's program must reproduce the build host's bits."""
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
        "--cpu",
        hardware.cpu,
        "--out",
        Out("emulation.json"),
        title=f"emulate {hardware.qemu_cpu if foreign else hardware.cpu}",
    )
    return Gate("emulation", verdict, (hardware.qemu,) if foreign else ("an x86-64 host",))


def measure(ctx: Ctx, linked: Linked, image: Artifact, hardware: Hardware, budget: Budget) -> Gate:
    """Declare the fitness gate: the image must fit the board and the budget."""
    limits = ("--max-image", str(int(budget.image)), "--max-memory", str(int(budget.memory)))
    agents: list[str | In] = []
    for name, code in linked.objects.items():
        agents += ["--agent", name, In(code, f"in/{name}/agent.o")]
    if linked.workers.several is not None:
        agents += ["--workers", In(linked.workers.several, "in/workers.json")]
    (verdict,) = ctx.tool(
        MEASURE_IMAGE,
        "--program",
        linked.program,
        "--image",
        image,
        "--arch",
        hardware.arch,
        *limits,
        *agents,
        *board_words(hardware),
        "--out",
        Out("fitness.json"),
        title="measure the image",
    )
    return Gate("fitness", verdict)


def report(
    ctx: Ctx, linked: Linked, image: Artifact, coalition: Coalition, hardware: Hardware
) -> Artifact:
    """Declare the report of passes, proofs and sizes as report.txt and report.json."""
    words: list[str | In] = ["--board", hardware.profile, "--cpu", hardware.cpu]
    words += [*cgroup_words(hardware), "--workers", In(linked.workers.choice, "in/workers.json")]
    for member in coalition.members:
        planned, folder = member.proved.planned, f"in/{member.name}"
        words += [
            "--agent",
            member.name,
            In(planned.ir, f"{folder}/ir"),
            In(planned.plan, f"{folder}/plan"),
            In(member.proved.proof, f"{folder}/proof.json"),
        ]
    (report_folder,) = ctx.tool(
        REPORT_EXPORT,
        "--program",
        In(linked.program, "in/program"),
        "--image",
        In(image, "in/image"),
        *words,
        "--out",
        Out("report", tree=True),
        title="report",
    )
    return report_folder
