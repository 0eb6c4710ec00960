"""Checks of links and blankets: their counts, and the reasons of a refusal."""

from __future__ import annotations

from agentc.codegen.links import Instances, Ports
from readiness.links import link_checks

AGENTS = {"scout": Ports((3,), (2,), num_states=(4,)), "picker": Ports((4,), (3,))}
PAIRS = [("scout.belief.0", "picker.observation.0")]


def test_links_that_fit_and_blankets_that_separate_pass() -> None:
    wired, blanket = link_checks(PAIRS, Instances(AGENTS), {})
    assert (wired.name, wired.verdict, wired.measured) == ("links", "passed", 1)
    assert (blanket.verdict, blanket.measured, blanket.limit) == ("passed", 2, 2)


def test_a_leak_fails_with_its_edge() -> None:
    wired, blanket = link_checks(PAIRS, Instances(AGENTS), {"scout": ["observation", "action"]})
    assert (wired.verdict, blanket.verdict) == ("passed", "failed")
    assert blanket.why == "scout.belief.0 -> picker.observation.0 leaves the blanket"
    assert (blanket.measured, blanket.limit) == (1, 2)


def test_a_link_without_its_port_fails_and_is_counted() -> None:
    (wired,) = link_checks(
        [*PAIRS, ("scout.action.0", "picker.observation.9")], Instances(AGENTS), {}
    )
    assert (wired.verdict, wired.measured, wired.limit) == ("failed", 1, 2)
    assert "picker has no observation '9'" in wired.why


def test_the_number_of_equal_replicas_does_not_matter() -> None:
    few, many = (
        link_checks(PAIRS, Instances(AGENTS, {"picker": count}), {})[1] for count in (3, 60_000)
    )
    assert few == many
