"""Markov blankets: an edge that leaves an agent beside its declared ports is found and named."""

from __future__ import annotations

import pytest
from agentc.codegen.links import Instances, Ports, resolve
from readiness.blankets import Leak, check_ports, declared_graph, leaks, representatives

AGENTS = {
    "scout": Ports(
        (3, 2), (2, 4), {"place": 0, "cue": 1}, {"go": 0, "look": 1}, (4, 3), {"spot": 0, "mood": 1}
    ),
    "picker": Ports((4, 2), (3,)),
    "judge": Ports((5,), (2,)),
}
TEAM = Instances(AGENTS)
LINKS = resolve(
    [
        ("scout.belief.spot", "picker.observation.0"),
        ("scout.action.go", "judge.observation.0"),
        ("judge.action.0", "scout.observation.cue"),
    ],
    TEAM,
)


def test_all_ports_of_an_agent_are_a_blanket() -> None:
    assert leaks(LINKS, TEAM, {}) == []


@pytest.mark.parametrize(
    ("agent", "blanket", "edges"),
    [
        (
            "scout",
            ["observation", "action"],
            [("belief.spot", "scout.belief.spot -> picker.observation.0")],
        ),
        (
            "scout",
            ["observation", "action.look", "belief.0"],
            [
                ("action.go", "scout.action.go -> judge.observation.0"),
                ("action.go", "scout.action.go -> the world"),
            ],
        ),
        (
            "scout",
            ["observation.place", "action", "belief"],
            [("observation.cue", "judge.action.0 -> scout.observation.cue")],
        ),
        (
            "picker",
            ["observation.0", "action"],
            [("observation.1", "the world -> picker.observation.1")],
        ),
        (
            "picker",
            ["observation.1", "action"],
            [("observation.0", "scout.belief.spot -> picker.observation.0")],
        ),
    ],
)
def test_the_leaking_edge_is_named(
    agent: str, blanket: list[str], edges: list[tuple[str, str]]
) -> None:
    assert leaks(LINKS, TEAM, {agent: blanket}) == [Leak(agent, *leak) for leak in edges]


def test_a_belief_that_no_link_reads_is_in_no_path() -> None:
    assert leaks((), TEAM, {"scout": ["observation", "action"]}) == []


def test_beliefs_leak_through_a_circle_one_tick_later() -> None:
    links = resolve(
        [
            ("scout.belief.spot", "picker.observation.0"),
            ("picker.action.0", "scout.observation.place"),
        ],
        TEAM,
    )
    assert all(link.delayed for link in links)
    (leak,) = leaks(links, TEAM, {"scout": ["observation", "action"]})
    assert leak.edge == "scout.belief.spot -> picker.observation.0"


def test_equal_replicas_are_checked_once() -> None:
    team = Instances(AGENTS, {"picker": 4})
    links = resolve([("scout.action.go", "picker.2.observation.0")], team)
    names = [team.instances[i][0] for i in representatives(links, team)]
    assert names == ["scout", "picker.0", "picker.2", "judge"]
    leaky = leaks(links, team, {"picker": ["observation.1", "action"]})
    assert [leak.agent for leak in leaky] == ["picker.0", "picker.2"]
    assert leaky[1].edge == "scout.action.go -> picker.2.observation.0"


def test_unknown_ports_are_errors_with_the_nearest() -> None:
    errors = check_ports({"scout": ["observation", "action.goo", "belief.7"]}, TEAM)
    assert [agent for agent, _ in errors] == ["scout", "scout"]
    assert errors[0][1] == "scout has no port 'action.goo'; did you mean 'action.go'?"


def test_the_graph_has_no_circle() -> None:
    from networkx import is_directed_acyclic_graph

    assert is_directed_acyclic_graph(declared_graph(LINKS, TEAM))
