"""Alert rules of Prometheus from the limits of the monitor and the nominal models of the agents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentc.monitor.bets import Limits

WINDOW = "10m"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert: its name, expression, severity, and one sentence for people."""

    name: str
    expr: str
    severity: str
    summary: str
    description: str


def alerts(
    limits: Limits, nominal: Mapping[str, Mapping[str, Any]], deadline: int
) -> Iterator[Alert]:
    """Yield the alerts of a program; `deadline` in nanoseconds, 0 for none."""
    yield Alert(
        "CoalitionAgentDegraded",
        "coalition_degraded == 1",
        "warning",
        "agent {{ $labels.agent }} is degraded",
        "Its observations do not follow its model; /healthz names the modality and the step. "
        f"Nominal steps raise this once in {limits.false_alarm_every:.0f} steps or less often, on "
        "average. It ends when the agent is acknowledged.",
    )
    yield from _energies(nominal)
    if deadline:
        yield from _late(deadline)
    for name, metric, what in (
        ("CoalitionStateNotWritten", "state_write_errors", "its state could not be written"),
        ("CoalitionAnswersLost", "answers_lost", "clients did not take its answers"),
    ):
        yield Alert(
            name,
            f"increase(coalition_{metric}_total[{WINDOW}]) > 0",
            "warning",
            what,
            "The log of the program has the reason.",
        )


def _energies(nominal: Mapping[str, Mapping[str, Any]]) -> Iterator[Alert]:
    """Yield alerts for energies beyond all nominal steps: measured limits without a guarantee."""
    for title, kind, key in (
        ("Variational", "variational", "vfe"),
        ("Expected", "expected", "efe"),
    ):
        beyond = [
            f"avg_over_time(coalition_{kind}_free_energy_nats"
            f'{{agent=~"{name}([.][0-9]+)?"}}[{WINDOW}]) > {facts[key]["max"]!r}'
            for name, facts in nominal.items()
        ]
        yield Alert(
            f"Coalition{title}FreeEnergyHigh",
            " or ".join(beyond),
            "info",
            f"the {kind} free energy of agent {{{{ $labels.agent }}}} is beyond all nominal steps",
            f"Its mean over {WINDOW} is {{{{ $value }}}} nats, above the highest of the nominal "
            "steps that the build recorded. No rate of false alarms is known for this limit.",
        )


def _late(deadline: int) -> Iterator[Alert]:
    seconds = deadline / 1e9
    yield Alert(
        "CoalitionLateSteps",
        f"increase(coalition_late_steps_total[{WINDOW}]) > 0",
        "warning",
        "steps end after their deadline",
        f"The deadline of a step is {seconds:g} seconds.",
    )
    yield Alert(
        "CoalitionSlowSteps",
        f"histogram_quantile(0.99, rate(coalition_step_seconds_bucket[{WINDOW}])) > {seconds:g}",
        "warning",
        "one step in a hundred takes longer than the deadline",
        f"The deadline of a step is {seconds:g} seconds.",
    )


def rules_file(group: str, rules: Sequence[Alert]) -> str:
    """Return the text of a rule file with one group (YAML; strings are JSON strings)."""
    lines = ["groups:", f"- name: {json.dumps(group)}", "  rules:"]
    for rule in rules:
        lines += [
            f"  - alert: {rule.name}",
            f"    expr: {json.dumps(rule.expr)}",
            "    labels:",
            f"      severity: {rule.severity}",
            "    annotations:",
            f"      summary: {json.dumps(rule.summary)}",
            f"      description: {json.dumps(rule.description)}",
        ]
    return "\n".join(lines) + "\n"
