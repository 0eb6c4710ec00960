"""The action graph of a request, and the paths of its outputs."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from buildgraph import Gate, Provider, Source
from buildgraph.keys.action_graph import (
    ActionGraph,
    find_path_conflict,
    gates_of,
    path_conflict_error,
    producers_of,
    requested_outputs,
)
from buildgraph.types.action import Action, Artifact, Out, Output
from buildgraph.types.label import Label


def action(name: str, *inputs: Artifact, label: Label | None = None, title: str = "") -> Action:
    """An action with these inputs."""
    return Action(
        (name,), tuple((item.name, item) for item in inputs), (Out(name),), owner=label, title=title
    )


def test_actions_come_after_the_producers_of_their_inputs() -> None:
    first = action("a", Source("s"))
    left, right = action("l", Output("a", first)), action("r", Output("a", first))
    last = action("z", Output("l", left), Output("r", right), Output("a", first))
    graph = ActionGraph.of([Output("z", last), Output("r", right), Source("s")])
    assert graph.actions[0] is first and graph.actions[-1] is last and len(graph.actions) == 4
    assert all(max(deps, default=-1) < number for number, deps in enumerate(graph.deps))
    assert graph.number[last] == 3 and sorted(graph.deps[3]) == [0, 1, 2]
    assert producers_of(last) == [left, right, first]


def test_a_chain_may_be_longer_than_the_stack() -> None:
    end = action("0")
    for number in range(1, 5000):
        end = action(str(number), Output(str(number - 1), end))
    graph = ActionGraph.of([Output("end", end)])
    assert graph.deps[:2] == ((), (0,)) and graph.number[end] == 4999


def test_ordinals_count_actions_of_one_label_and_title() -> None:
    one, other = Label("", "one"), Label("", "other")
    actions = [
        action("a", label=one, title="t"),
        action("b", label=one, title="t"),
        action("c", label=other, title="t"),
        action("d", label=one, title="u"),
    ]
    graph = ActionGraph.of([Output(item.argv[0], item) for item in actions])
    assert graph.actions == tuple(actions) and graph.ordinals == (1, 2, 1, 1)


@pytest.mark.parametrize(
    ("paths", "conflict"),
    [
        (["out/a", "out/b"], None),
        (["out/a.b", "out/a", "out/ab"], None),
        (["out/a", "out/b", "out/a"], ("out/a", "out/a")),
        (["out/a/b", "out/a", "out/a.b"], ("out/a", "out/a/b")),
    ],
)
def test_conflicting_paths_are_found(paths: list[str], conflict: tuple[str, str] | None) -> None:
    assert find_path_conflict(paths) == conflict
    if conflict:
        assert conflict[1] in path_conflict_error(*conflict).what


@dataclass(frozen=True)
class Page(Provider):
    """A provider with three artifacts and two gates."""

    html: Artifact
    css: Artifact
    other: Artifact
    gates: tuple[Gate, ...] = ()


def test_outputs_have_distinct_paths_below_out() -> None:
    provider = Page(Source("d/x.html"), Source("y.css"), Source("x.html"))
    outputs = requested_outputs(Label("docs", "page"), provider)
    assert [output.path for output in outputs] == [
        "out/docs/page/html.x.html",
        "out/docs/page/y.css",
        "out/docs/page/other.x.html",
    ]
    assert [output.name for output in outputs] == ["html", "css", "other"]


def test_gates_are_those_of_the_provider() -> None:
    gate = Gate("lint", Source("verdict"))
    assert gates_of(Page(Source("a"), Source("b"), Source("c"), (gate,))) == (gate,)
    assert gates_of(Provider()) == ()
