"""Report of an export: sizes, passes and proofs. It judges nothing; gates do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentc.ir import files as ir
from agentc.plan import files as plan
from agentc.plan.choices import choices
from agentc.plan.cost_model import costs
from agentc.plan.worst_case import worst_case

PROOF = (
    "bits",
    "steps",
    "episodes",
    "violations",
    "same_action",
    "lower_bound",
    "lower_bound_episodes",
    "transitions",
    "transitions_used",
    "kl_max",
    "kl_limit",
    "regret_max",
    "regret_limit",
)
NOTES = (
    "beliefs       predicted policy by policy -> prefix by prefix -> distinct ones, each "
    "predicted once\n"
    "parents       factors that A and B depend on: as declared -> those that make a "
    "difference; factors that are predicted\n"
    "A, B          entries of the arrays -> those that are not zero -> those in the tables\n"
    "tables        bytes of constants in the program\n"
    "multiply      multiplications to predict and to judge all policies in one step: "
    "dense, policy by policy -> here\n"
    "steps         of the proof, compared with the float64 reference: in how many the "
    "action is the very same\n"
    "transitions   columns of B that belief went through in the proof\n"
    "least right   share of all steps, and of all episodes, that is right at 95 % confidence\n"
    "divergence    largest Kullback-Leibler divergence of beliefs in nats; regret: most "
    "nats lost by an action\n"
    "ties          of policies whose logits (gamma x worth + habit) are within 1e-4 nats "
    "of the best, the lowest index wins\n"
)


def document(
    board: str, cpu: str, agents: Mapping[str, dict[str, Any]], sizes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return report.json."""
    return {
        "schema": 1,
        "board": board,
        "cpu": cpu,
        "arch": sizes["arch"],
        "agents": agents,
        "program_bytes": sizes["program_bytes"],
        "image_bytes": sizes["image_bytes"],
        "memory_bytes": sizes["memory_bytes"],
        "memory_limit": sizes["memory_limit"],
        "workers": sizes["workers"],
    }


def agent(ir_folder: Path, plan_folder: Path, proof: Path) -> dict[str, Any]:
    """Return one agent's part of the report."""
    proved = json.loads(proof.read_bytes())
    planned = plan.load(plan_folder)
    cost = costs(ir.normalise(ir.load(ir_folder)), planned)
    cost |= {"choices": choices(planned), "worst_case": worst_case(planned)}
    return {**cost, "proof": {name: proved[name] for name in PROOF}}


def text(report: Mapping[str, Any]) -> str:
    """Format the report as a table with one column for each agent."""
    columns = [list(_labels())] + [
        [name, *_cells(facts)] for name, facts in sorted(report["agents"].items())
    ]
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in zip(*columns, strict=True)
    ]
    head = [
        f"board    {report['board']} ({report['cpu']}, {report['arch']})",
        f"program  {_grouped(report['program_bytes'])} bytes",
        f"image    {_grouped(report['image_bytes'])} bytes",
        f"memory   {_grouped(report['memory_bytes'])} bytes, stack included",
    ]
    workers = report["workers"]
    head.append(f"workers  {workers['workers']}. Reason: {workers['reason']}")
    if report["memory_limit"]:
        head.append(f"limit    {report['memory_limit']}")
    return "\n".join([*head, "", *lines, "", *_details(report), NOTES])


def _details(report: Mapping[str, Any]) -> Iterator[str]:
    """Format the choices of each agent and the bounds of its step."""
    for name, facts in sorted(report["agents"].items()):
        yield f"choices  {name}"
        for each in facts["choices"]:
            yield f"  {each['of']}: {each['chosen']}. Reason: {each['reason']}"
        bounds = facts["worst_case"]
        yield (
            f"a step   {name}, at most: "
            f"{_grouped(sum(bounds['multiplications'].values()))} multiplications, "
            f"{_grouped(bounds['logarithms'])} logarithms, "
            f"{_grouped(bounds['exponentials'])} exponentials"
        )
        for loop in bounds["loops"]:
            yield f"  {loop['loop']}: at most {_grouped(loop['most'])}; ends when {loop['ends']}"
        yield ""


def _labels() -> Iterator[str]:
    yield from (
        "",
        "states",
        "policies",
        "beliefs",
        "parents",
        "A",
        "B",
        "tables",
        "multiply",
        "steps",
        "transitions",
        "least right",
        "divergence",
        "regret",
    )


def _cells(facts: Mapping[str, Any]) -> Iterator[str]:
    beliefs, proof, work = facts["beliefs"], facts["proof"], facts["multiplications"]
    yield " x ".join(map(str, facts["states"]))
    alone = (
        f", modality {', '.join(map(str, facts['utility_only']))} by utility only"
        if "utility_only" in facts
        else ""
    )
    yield f"{_grouped(facts['policies'])} of length {facts['policy_len']}{alone}"
    yield " -> ".join(_grouped(beliefs[name]) for name in ("by_policy", "prefixes", "distinct"))
    yield (
        f"{facts['parents']['before']} -> {facts['parents']['after']}; {facts['predicted']} of "
        f"{len(facts['states'])}"
    )
    for array in (facts["A"], facts["B"]):
        yield " -> ".join(_grouped(array[name]) for name in ("entries", "nonzero", "kept"))
    yield _grouped(facts["table_bytes"])
    every = f", every {facts['plan_every']} steps" if "plan_every" in facts else ""
    yield f"{_grouped(work['before'])} -> {_grouped(work['after'])}{every}"
    yield f"{_grouped(proof['steps'])}, the same in {_grouped(proof['same_action'])}"
    yield f"{_grouped(proof['transitions_used'])} of {_grouped(proof['transitions'])}"
    yield f"{proof['lower_bound']}, {proof['lower_bound_episodes']}"
    for name in ("kl", "regret"):
        largest, limit = (float.fromhex(proof[f"{name}_{end}"]) for end in ("max", "limit"))
        yield f"{largest:.1e} (limit {limit:.0e})"


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")
