"""Quantization: probabilities in fewer bits, within a fidelity budget that the export sets.

    ir -> quantize_plan -> plan* -> emit -> agent.c* -> measure (two probe sets) -> findings --+
                                              +-----> compile (target) -> bytes ---------------+
                                                select (budget) -> code, proof <---------------+

Only `select` depends on the budget. Its `agreement` also fixes the number of trial episodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from typing import Literal

from buildgraph import Artifact, BuildError, Ctx, In, Out, Tool

from .compile_agents import EMIT_AGENT, MAKE_PROBE, compile_agent
from .members import Member

QUANTIZE_PLAN = Tool("quantize_plan")
MEASURE_QUANTIZATION = Tool("measure_quantization")
SELECT_QUANTIZATION = Tool("select_quantization")
REPORT_QUANTIZATION = Tool("report_quantization")

Storage = Literal["uint16", "fp16", "palette", "smallest"]
CANDIDATES = ("uint16", "fp16", "palette")
STEPS = 4
"""Steps of a trial episode. Episodes are counted, not steps."""
PART = 512
"""Trial episodes of one action. Parts run in parallel and finish well within their timeout."""
TIMEOUT = 3600
"""Seconds for one part; 512 episodes of an agent with 512 states take some minutes."""
SEED = 1
"""Seed of the trial. The model's own probe set has seed 0 by default."""
MOST = 1 << 18  # episodes: more steps than a probe set may have
LINE = "fidelity = { kl = 1e-3, regret = 1e-3, agreement = 0.999 }"


@dataclass(frozen=True)
class Fidelity:
    """Budget of quantization.

    `kl` is in nats of belief divergence, `regret` in nats lost by an action, and `agreement` is the
    share of episodes within `regret`.
    """

    kl: float = 1e-3
    regret: float = 1e-3
    agreement: float = 0.999


@dataclass(frozen=True)
class SearchSettings:
    """Settings of the quantization search for each agent."""

    tried: tuple[str, ...]
    episodes: int
    budget: tuple[str, ...]
    target: tuple[str, str]
    options: tuple[str, ...]


def quantize_members(
    ctx: Ctx,
    members: tuple[Member, ...],
    target: tuple[str, str],
    *options: str,
    storage: Storage | None,
    budget: Fidelity | None,
) -> tuple[tuple[Member, ...], Artifact | None]:
    """Declare quantization for each member; return the members with the selected code, and the
    report.

    Without a storage the members are returned unchanged. `options` are those of `compile_agent`.
    """
    if storage is None and budget is None:
        return members, None
    if storage is None:
        raise BuildError(
            f"{ctx.label} has a fidelity but no storage",
            ctx.target.place("fidelity"),
            'storage = "smallest", "uint16", "fp16" or "palette", or leave fidelity out',
        )
    if budget is None:
        raise BuildError(
            f'{ctx.label}: storage = "{storage}" loses fidelity, but the export sets no budget',
            ctx.target.place("storage"),
            f"write {LINE}",
        )
    tried = CANDIDATES if storage == "smallest" else (storage,)
    words = _selection_options(storage, budget)
    order = SearchSettings(tried, _episodes(ctx, budget, len(tried)), words, target, options)
    quantized = [_quantize_member(ctx, member, order) for member in members]
    (page,) = ctx.tool(
        REPORT_QUANTIZATION,
        *(word for _, verdict in quantized for word in ("--verdict", verdict)),
        "--out",
        Out("storage", tree=True),
        title="how agents are stored",
    )
    return tuple(member for member, _ in quantized), page


def _format_share(share: float) -> str:
    return format(Decimal(repr(share)), "f")


def _episodes(ctx: Ctx, budget: Fidelity, candidates: int) -> int:
    """Return the fewest episodes that can show the agreement without a violation.

    That is the smallest n with (0.05 / candidates)^(1/n) >= agreement.
    """
    for word, value in (("kl", budget.kl), ("regret", budget.regret)):
        if not 0.0 < value < float("inf"):
            raise BuildError(
                f"{ctx.label}: {word} = {value:g} is not a budget",
                ctx.target.place("fidelity"),
                f"nats above 0, such as {word} = 1e-3",
            )
    if 0.5 <= budget.agreement < 1.0:
        with localcontext(Context(prec=40)):
            least = (Decimal("0.05") / candidates).ln() / Decimal(repr(budget.agreement)).ln()
            episodes = int(least.to_integral_value(ROUND_CEILING))
        if episodes <= MOST:
            return episodes
    raise BuildError(
        f"{ctx.label}: an agreement of {budget.agreement:g} cannot be shown",
        ctx.target.place("fidelity"),
        f"from 0.5 to 0.99998 (at most {MOST} episodes are tried), such as agreement = 0.999",
    )


def _quantize_member(ctx: Ctx, member: Member, order: SearchSettings) -> tuple[Member, Artifact]:
    """Return the member with the selected code, and the verdict."""
    planned, name = member.proved.planned, member.name
    assert member.proved.code is not None, "agents of the python backend have no code"
    exact = {
        "plan": planned.plan,
        "agent.c": member.proved.code,
        "proof.json": member.proved.proof,
        "agent.o": _compile(ctx, member, member.proved.code, order),
    }
    words: list[str | In] = [
        "--exact",
        *(In(artifact, f"in/exact/{place}") for place, artifact in exact.items()),
    ]
    trial = _trial(ctx, member, order.episodes)
    for storage in order.tried:
        files = _candidate(ctx, member, storage, trial, order)
        words += [
            "--candidate",
            storage,
            *(In(artifact, f"in/{storage}/{place}") for place, artifact in files.items()),
        ]
    plan, code, proof, verdict = ctx.tool(
        SELECT_QUANTIZATION,
        "--name",
        name,
        *order.budget,
        *words,
        "--plan",
        Out("plan", tree=True),
        "--code",
        Out("agent.c"),
        "--proof",
        Out("proof.json"),
        "--verdict",
        Out("verdict.json"),
        title=f"choose how {name} is stored",
    )
    return replace(
        member,
        proved=replace(member.proved, code=code, proof=proof, planned=replace(planned, plan=plan)),
    ), verdict


def _selection_options(storage: Storage, budget: Fidelity) -> tuple[str, ...]:
    return (
        "--asked",
        storage,
        "--kl",
        repr(budget.kl),
        "--regret",
        repr(budget.regret),
        "--agreement",
        _format_share(budget.agreement),
    )


def _measure(
    ctx: Ctx, member: Member, code: Artifact, trial: list[Artifact], title: str
) -> Artifact:
    planned = member.proved.planned
    (findings,) = ctx.tool(
        MEASURE_QUANTIZATION,
        code,
        "--name",
        member.name,
        "--interface",
        planned.interface,
        "--probe",
        planned.probe,
        *(word for part in trial for word in ("--trial", part)),
        "--out",
        Out("findings", tree=True),
        title=title,
    )
    return findings


def _candidate(
    ctx: Ctx, member: Member, storage: str, trial: list[Artifact], order: SearchSettings
) -> dict[str, Artifact]:
    """Declare one candidate; its files in the order that `select_quantization` reads. No budget
    enters.
    """
    planned, name = member.proved.planned, f"{member.name} as {storage}"
    plan, facts = ctx.tool(
        QUANTIZE_PLAN,
        "--ir",
        planned.ir,
        "--storage",
        storage,
        "--out",
        Out("plan", tree=True),
        "--facts",
        Out("coding.json"),
        title=f"code {name}",
    )
    (code,) = ctx.tool(
        EMIT_AGENT,
        "--plan",
        plan,
        "--name",
        member.name,
        "--out",
        Out("agent.c"),
        title=f"emit {name}",
    )
    findings = _measure(ctx, member, code, trial, f"try {name}")
    compiled = _compile(ctx, replace(member, name=name), code, order)
    return {
        "plan": plan,
        "coding.json": facts,
        "agent.c": code,
        "findings": findings,
        "agent.o": compiled,
    }


def _trial(ctx: Ctx, member: Member, episodes: int) -> list[Artifact]:
    """Declare the probe sets of the trial. Episodes are independent, so parts are counted
    together.
    """
    parts: list[Artifact] = []
    for first in range(0, episodes, PART):
        size = (
            "--episodes",
            str(min(PART, episodes - first)),
            "--steps",
            str(STEPS),
            "--seed",
            str(SEED),
            "--first",
            str(first),
        )
        parts += ctx.tool(
            MAKE_PROBE,
            "--ir",
            member.proved.planned.ir,
            *size,
            "--out",
            Out("probe", tree=True),
            timeout=TIMEOUT,
            title=f"probe {member.name} for a trial, from {first}",
        )
    return parts


def _compile(ctx: Ctx, member: Member, code: Artifact, order: SearchSettings) -> Artifact:
    return compile_agent(
        ctx, replace(member, proved=replace(member.proved, code=code)), order.target, *order.options
    )
