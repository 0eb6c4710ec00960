"""Links: sizes and names are checked with all errors at once; cycles are delayed; the order follows
the rest.
"""

from __future__ import annotations

import pytest
from agentc.codegen.links import Instances, Link, LinkError, Ports, order, resolve

AGENTS = {
    "scout": Ports(
        (3, 2), (2, 4), {"place": 0, "cue": 1}, {"go": 0, "look": 1}, (4, 3), {"spot": 0, "mood": 1}
    ),
    "picker": Ports((4, 2), (3,)),
    "judge": Ports((5,), (2,)),
}


def wired(*pairs: tuple[str, str], **replicas: int) -> tuple[Link, ...]:
    return resolve(pairs, Instances(AGENTS, replicas))


def test_numbers_and_names_mean_the_same() -> None:
    assert wired(("scout.action.look", "picker.observation.0")) == wired(
        ("scout.action.1", "picker.observation.0")
    )
    assert wired(("judge.action.0", "scout.observation.cue")) == (Link(0, 1, 2, 0),)


def test_a_belief_is_linked_as_an_action_is() -> None:
    assert wired(("scout.belief.mood", "judge.observation.0")) == (Link(2, 0, 0, 1, belief=True),)
    circle = wired(
        ("scout.belief.0", "picker.observation.0"), ("picker.action.0", "scout.observation.0")
    )
    assert all(link.delayed for link in circle)


def test_sources_step_first() -> None:
    links = wired(
        ("judge.action.0", "picker.observation.1"), ("picker.action.0", "scout.observation.0")
    )
    assert not any(link.delayed for link in links)
    assert order(links, 3) == (2, 1, 0)


def test_links_of_a_cycle_are_delayed_and_others_are_not() -> None:
    links = wired(
        ("scout.action.0", "picker.observation.1"),
        ("picker.action.0", "scout.observation.0"),
        ("scout.action.1", "judge.observation.0"),
    )
    assert {(e.source, e.target): e.delayed for e in links} == {
        (0, 1): True,
        (1, 0): True,
        (0, 2): False,
    }
    assert order(links, 3) == (0, 1, 2)


def test_a_link_to_itself_is_delayed() -> None:
    assert wired(("judge.action.0", "judge.observation.0"))[0].delayed


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(LinkError) as caught:
        wired(
            ("scout.action.1", "picker.observation.1"),
            ("nobody.action.0", "judge.observation.0"),
            ("scout.action.9", "judge.observation.7"),
            ("scout.observation.0", "judge.action.0"),
            ("scout.belief.spot", "picker.observation.1"),
        )
    text = str(caught.value)
    for part in (
        "4 actions do not fit 2 outcomes",
        "4 states do not fit 2 outcomes",
        "no agent 'nobody'",
        "no action '9'",
        "no observation '7'",
        "should read AGENT.action.NUMBER-OR-NAME or AGENT.belief.NUMBER-OR-NAME",
    ):
        assert part in text


def test_two_links_into_one_modality_are_refused() -> None:
    with pytest.raises(LinkError, match="fed by 2 links"):
        wired(("scout.action.0", "judge.observation.0"), ("picker.action.0", "judge.observation.0"))


def test_one_agent_feeds_all_replicas_of_another() -> None:
    links = wired(("judge.action.0", "picker.observation.1"), picker=3)
    assert links == tuple(Link(target, 1, 4, 0) for target in (1, 2, 3))


def test_equally_many_replicas_are_linked_one_to_one() -> None:
    links = wired(("scout.action.0", "judge.observation.0"), scout=2, judge=2)
    assert [(e.source, e.target) for e in links] == [(0, 3), (1, 4)]


def test_one_replica_is_named_by_its_number() -> None:
    assert wired(("scout.1.action.0", "judge.observation.0"), scout=2) == (Link(3, 0, 1, 0),)
    assert Instances(AGENTS, {"scout": 2}).instances == (
        ("scout.0", "scout"),
        ("scout.1", "scout"),
        ("picker", "picker"),
        ("judge", "judge"),
    )


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("scout.action.0", "judge.observation.0"), "2 replicas cannot feed 1"),
        (("scout.2.action.0", "judge.observation.0"), "scout has no replica 2"),
        (("judge.0.action.0", "scout.observation.0"), "judge has no replica 0"),
    ],
)
def test_replicas_that_do_not_fit_are_refused(pair: tuple[str, str], message: str) -> None:
    with pytest.raises(LinkError, match=message):
        wired(pair, scout=2)


def test_a_thousand_agents_in_a_chain_are_ordered_at_once() -> None:
    links = tuple(Link(a, 0, a + 1, 0) for a in range(999))
    assert order(links, 1000) == tuple(reversed(range(1000)))
