"""The choice of workers, by hand, and the tables of the C program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from agentc.codegen.links import Instances, Link, Ports
from agentc.codegen.workers import (
    LOGARITHM,
    WAKE,
    Workers,
    choose,
    cost,
    read_workers,
    worker_tables,
)
from agentc.plan import build as plan
from agentc.plan.worst_case import worst_case

from tests.support.native_agents import ring

PORTS = Ports((3,), (2,), num_states=(3,))
LONG = 1_000_000


def team(*names: str, **replicas: int) -> Instances:
    """Agents with equal ports."""
    return Instances(dict.fromkeys(names, PORTS), replicas)


def link(source: int, target: int, *, delayed: bool = False) -> Link:
    """The action of one instance, observed by another one."""
    return Link(target, 0, source, 0, delayed)


def test_the_cost_counts_every_operation() -> None:
    built = plan.build(ring())
    bounds = worst_case(built)
    others = bounds["logarithms"] + bounds["exponentials"]
    assert cost(built) == sum(bounds["multiplications"].values()) + LOGARITHM * others


def test_equal_agents_are_spread_over_the_cores() -> None:
    chosen = choose(team("a", a=4), (), {"a": LONG}, 4)
    assert (chosen.count, chosen.places) == (4, (0, 1, 2, 3))
    assert (chosen.step, chosen.longest) == (4 * LONG, LONG + WAKE)
    assert choose(team("a", a=4), (), {"a": LONG}, 2).places == (0, 1, 0, 1)


def test_the_fewest_workers_with_the_shortest_step_are_taken() -> None:
    chosen = choose(team("big", "a", "b"), (), {"big": 2 * LONG, "a": LONG, "b": LONG}, 3)
    assert (chosen.count, chosen.places) == (2, (0, 1, 1))


def test_linked_agents_wait_for_each_other() -> None:
    costs = {"a": 2 * LONG, "b": 2 * LONG, "c": LONG, "d": LONG}
    chosen = choose(team(*"abcd"), (link(0, 2), link(1, 2), link(2, 3)), costs, 4)
    assert chosen.levels == (0, 0, 1, 2)
    assert (chosen.count, chosen.longest) == (2, 4 * LONG + WAKE)


def test_a_delayed_link_orders_nothing() -> None:
    links = (link(0, 1, delayed=True), link(1, 0, delayed=True))
    assert choose(team("a", "b"), links, dict.fromkeys("ab", LONG), 2).levels == (0, 0)


@pytest.mark.parametrize(
    ("instances", "links", "each", "most", "reason"),
    [
        (1, (), LONG, 4, "a step has one agent"),
        (2, (), LONG, 1, "the board has one core"),
        (2, (link(0, 1),), LONG, 4, "links order all agents of a step"),
        (2, (), 4_500, 4, "a step is 9 000 multiplications, and to wake a worker takes as long as"),
        (3, (link(0, 1), link(0, 2)), WAKE, 2, "and with workers still 300 000"),
    ],
)
def test_one_process_has_a_reason(
    instances: int, links: Sequence[Link], each: int, most: int, reason: str
) -> None:
    chosen = choose(team("a", a=instances), links, {"a": each}, most)
    assert chosen.count == 1
    assert reason in chosen.reason
    assert not any(chosen.places)


def test_a_choice_is_read_as_it_was_written(tmp_path: Path) -> None:
    several = choose(team("a", a=3), (link(0, 2),), {"a": LONG}, 2)
    (tmp_path / "workers.json").write_text(json.dumps(several.document()))
    read = read_workers(tmp_path / "workers.json")
    assert read is not None
    assert (read.count, read.levels, read.places) == (2, several.levels, several.places)
    alone = choose(team("a"), (), {"a": LONG}, 2)
    (tmp_path / "workers.json").write_text(json.dumps(alone.document()))
    assert read_workers(tmp_path / "workers.json") is None


def test_shares_hold_every_instance_once_by_level_and_worker() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        count, size = int(random.integers(2, 5)), int(random.integers(2, 12))
        levels = tuple(map(int, random.integers(0, 3, size)))
        places = tuple(map(int, random.integers(0, count, size)))
        text = worker_tables(Workers(count, levels, places, ""))
        share, ends = (
            [int(word) for word in line.partition("{")[2].rstrip("};\n").split(",")]
            for line in text[2:]
        )
        assert len(ends) == (max(levels) + 1) * count + 1
        for k, (first, last) in enumerate(pairwise(ends)):
            assert share[first:last] == [
                i for i in range(size) if (levels[i], places[i]) == divmod(k, count)
            ]
