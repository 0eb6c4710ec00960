"""Alert rules have the limits of the monitor."""

from __future__ import annotations

from agentc.monitor.alerts import alerts, rules_file
from agentc.monitor.bets import Limits

NOMINAL = {
    name: {"vfe": {"max": high}, "efe": {"max": -1.5}} for name, high in (("a", 2.5), ("b-1", 4.0))
}


def test_rules_have_the_limits() -> None:
    rules = {rule.name: rule for rule in alerts(Limits(12345.0), NOMINAL, 5_000_000)}
    assert "once in 12345 steps" in rules["CoalitionAgentDegraded"].description
    energy = rules["CoalitionVariationalFreeEnergyHigh"].expr
    assert '{agent=~"a([.][0-9]+)?"}[10m]) > 2.5 or ' in energy and energy.endswith("> 4.0")
    assert rules["CoalitionSlowSteps"].expr.endswith("> 0.005")


def test_without_a_deadline_no_step_is_late() -> None:
    names = [rule.name for rule in alerts(Limits(), NOMINAL, 0)]
    assert "CoalitionLateSteps" not in names and len(set(names)) == len(names)


def test_strings_are_quoted() -> None:
    text = rules_file('//a:"b"', list(alerts(Limits(), NOMINAL, 0)))
    assert text.startswith('groups:\n- name: "//a:\\"b\\""\n  rules:\n  - alert: ')
