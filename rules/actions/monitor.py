"""Limits of the monitor in a program, and alert rules from the same limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildgraph import Artifact, BuildError, Ctx, In, Out, Tool

from .compile_agents import RunSettings
from .members import Member

WRITE_ALERTS = Tool("write_alerts")


@dataclass(frozen=True)
class Monitor:
    """Limits of the monitor in the program: steps between false alarms on average (0: no monitor),
    and the share of observations that may be arbitrary.
    """

    false_alarm_every: float = 1e6
    tolerance: float = 1e-3


def check_limits(ctx: Ctx, monitor: Monitor) -> None:
    """Raise a BuildError for limits out of range."""
    every = monitor.false_alarm_every
    if every and not 100.0 <= every <= 1e15:
        raise BuildError(
            f"a false alarm every {every:g} steps",
            ctx.target.place("monitor"),
            "from 100 to 1e15 steps, such as 1e6; 0 switches the monitor off",
        )
    if not 0.0 <= monitor.tolerance <= 0.5:
        raise BuildError(
            f"a tolerance of {monitor.tolerance:g}",
            ctx.target.place("monitor"),
            "a share of the observations from 0 to 0.5, such as 1e-3",
        )


def write_alerts(ctx: Ctx, members: Sequence[Member], running: RunSettings) -> Artifact | None:
    """Declare alerts.yml for Prometheus; None for a program without metrics or monitor."""
    if not running.http or not running.false_alarm_every:
        return None
    words: list[str | In] = ["--group", f"{ctx.label}", *running.monitor_words]
    if running.deadline:
        words += ["--deadline", str(running.deadline)]
    for member in members:
        nominal = In(member.proved.planned.nominal, f"in/{member.name}/monitor.json")
        words += ["--agent", member.name, nominal]
    (rules,) = ctx.tool(WRITE_ALERTS, *words, "--out", Out("alerts.yml"), title="write alert rules")
    return rules
