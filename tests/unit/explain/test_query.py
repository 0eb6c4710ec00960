"""Queries of a target graph, and the formats of their results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildgraph.explain import query
from buildgraph.types.errors import BuildError
from buildgraph.types.label import Label
from buildgraph.types.target import Target
from buildgraph.ui.json_document import SCHEMA


def _label(name: str) -> Label:
    return Label("g", name)


_GRAPH = {
    _label(name): tuple(_label(dep) for dep in deps)
    for name, deps in {"app": "lm", "l": "b", "m": "b", "b": "", "alone": ""}.items()
}


def _names(answer: query.Answer) -> list[str]:
    return [label.name for label in answer.labels]


def test_deps_are_transitive_and_have_edges() -> None:
    answer = query.deps(_GRAPH, [_label("l"), _label("m")])
    assert _names(answer) == ["b", "l", "m"]
    assert [(start.name, end.name) for start, end in answer.edges] == [("l", "b"), ("m", "b")]


def test_rdeps_are_transitive() -> None:
    assert _names(query.rdeps(_GRAPH, [_label("b")])) == ["app", "b", "l", "m"]
    assert _names(query.rdeps(_GRAPH, [_label("alone")])) == ["alone"]


def test_somepath_keeps_the_order_of_the_chain() -> None:
    chain = _names(query.somepath(_GRAPH, [_label("app"), _label("b")]))
    assert chain[0] == "app" and chain[-1] == "b" and len(chain) == 3
    assert _names(query.somepath(_GRAPH, [_label("b"), _label("app")])) == []
    with pytest.raises(BuildError) as error:
        query.somepath(_GRAPH, [_label("b")])
    assert error.value.reason == "usage"


def test_formats() -> None:
    answer = query.deps(_GRAPH, [_label("l")])
    assert query.format_text(answer) == "//g:b\n//g:l\n"
    assert json.loads(query.to_json(answer)) == {
        "schema": SCHEMA,
        "labels": ["//g:b", "//g:l"],
        "edges": [["//g:l", "//g:b"]],
    }
    assert query.format_dot(answer) == (
        'digraph targets {\n  rankdir=LR;\n  node [shape=box];\n  "//g:b";\n  "//g:l";\n'
        '  "//g:l" -> "//g:b";\n}\n'
    )
    assert (
        query.format_text(query.list_targets([_label("m"), _label("l"), _label("m")]))
        == "//g:l\n//g:m\n"
    )


def test_allpaths_are_all_chains_between() -> None:
    answer = query.allpaths(_GRAPH, [_label("app")], [_label("b")])
    assert _names(answer) == ["app", "b", "l", "m"] and len(answer.edges) == 4
    assert _names(query.allpaths(_GRAPH, [_label("b")], [_label("app")])) == []
    assert _names(query.allpaths(_GRAPH, [_label("l"), _label("alone")], [_label("b")])) == [
        "b",
        "l",
    ]


_VALUES: dict[str, tuple[str, dict[str, Any]]] = {
    "app": (
        "export",
        {"hardware": "//h:pi", "budget": {"image": "2MiB"}, "agents": ["//g:l", "//g:m"]},
    ),
    "l": ("model", {"checked": True, "rank": 3}),
    "m": ("model", {"links": [{"from": "a"}]}),
    "b": ("files", {}),
}


def _target(label: Label) -> Target:
    rule, values = _VALUES[label.name]
    return Target(label, rule, values, "", {})


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        (query.TargetFilter(), "app b l m"),
        (query.TargetFilter(kinds=("export",)), "app"),
        (query.TargetFilter(kinds=("export", "files")), "app b"),
        (query.TargetFilter(filters=("^//g:[lm]$",)), "l m"),
        (query.TargetFilter(filters=("l$", "b")), "b l"),
        (query.TargetFilter(attrs=("hardware=//h:pi",)), "app"),
        (query.TargetFilter(attrs=("budget.image=2MiB",)), "app"),
        (query.TargetFilter(attrs=("agents=//g:m",)), "app"),
        (query.TargetFilter(attrs=("links.from=a",)), "m"),
        (query.TargetFilter(attrs=("checked=true", "rank=3")), "l"),
        (query.TargetFilter(attrs=("checked=true", "rank=4")), ""),
        (query.TargetFilter(kinds=("model",), filters=("m",)), "m"),
    ],
)
def test_an_answer_is_narrowed(conditions: query.TargetFilter, names: str) -> None:
    answer = conditions.narrow(query.deps(_GRAPH, [_label("app")]), _target)
    assert _names(answer) == names.split()
    assert all(start in answer.labels and end in answer.labels for start, end in answer.edges)


@pytest.mark.parametrize(
    "conditions",
    [
        query.TargetFilter(filters=("(",)),
        query.TargetFilter(attrs=("hardware",)),
        query.TargetFilter(attrs=("=x",)),
    ],
)
def test_an_invalid_filter_is_a_usage_error(conditions: query.TargetFilter) -> None:
    with pytest.raises(BuildError) as error:
        conditions.narrow(query.deps(_GRAPH, [_label("app")]), _target)
    assert error.value.reason == "usage" and error.value.fix
