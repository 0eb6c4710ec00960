"""The key `monitor` of a coalition: where its limits go, and which values are refused."""

from __future__ import annotations

from typing import Any

import pytest

from buildgraph import BuildError, Source
from rules.actions.monitor import Monitor
from rules.coalition import Agent, Coalition, coalition
from rules.export import Export, export
from rules.hardware import hardware
from rules.model import model
from tests.support.rule_context import chain, ctx, maker


def rooms(**words: Any) -> Coalition:
    """A coalition of one agent."""
    agents = {"heater": Agent(model(ctx("//m:heater"), Source("package/heater.npz")))}
    return coalition(ctx("//c:rooms"), agents, **words)


def exported(**words: Any) -> Export:
    """Its export."""
    return export(ctx("//e:rooms"), rooms(**words), hardware(ctx(), "raspberry-pi-5"))


def titles(built: Export) -> list[str]:
    """Titles of the actions of the image."""
    return [action.title for action in chain(built.image)]


def test_it_is_on_by_default_and_0_switches_it_off() -> None:
    assert "record nominal behaviour" in titles(exported())
    off = exported(monitor=Monitor(false_alarm_every=0.0))
    assert "record nominal behaviour" not in titles(off)
    assert not any("--false-alarm-every" in action.argv for action in chain(off.image))


def test_the_program_gets_the_limits_and_nothing_before_it_does() -> None:
    one, other = (exported(monitor=Monitor(every)) for every in (1e6, 1e7))
    differ = {
        action.title
        for action in chain(other.image)
        if action.argv not in [each.argv for each in chain(one.image)]
    }
    assert differ == {"emit the program"}


def test_alert_rules_need_metrics() -> None:
    served = exported(io="http").alerts
    assert served is not None and "1000000.0" in maker(served).argv
    assert exported().alerts is None
    assert exported(io="http", monitor=Monitor(false_alarm_every=0.0)).alerts is None


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Monitor(false_alarm_every=10.0), "a false alarm every 10 steps"),
        (Monitor(false_alarm_every=-1.0), "a false alarm every -1 steps"),
        (Monitor(false_alarm_every=float("nan")), "a false alarm every nan steps"),
        (Monitor(tolerance=0.6), "a tolerance of 0.6"),
        (Monitor(tolerance=float("nan")), "a tolerance of nan"),
    ],
)
def test_limits_out_of_range_are_refused(limits: Monitor, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        rooms(monitor=limits)
