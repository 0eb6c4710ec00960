"""Questions about a graph and the forms of their answers."""
from __future__ import annotations

import json

import pytest

from buildgraph import query
from buildgraph.errors import BuildError
from buildgraph.label import Label


def _label(name: str) -> Label:
    return Label("g", name)


_GRAPH = {_label(name): tuple(_label(dep) for dep in deps) for name, deps in
          {"app": "lm", "l": "b", "m": "b", "b": "", "alone": ""}.items()}


def _names(answer: query.Answer) -> list[str]:
    return [label.name for label in answer.labels]


def test_deps_are_all_beneath_with_the_edges_among_them() -> None:
    found = query.deps(_GRAPH, [_label("l"), _label("m")])
    assert _names(found) == ["b", "l", "m"]
    assert [(start.name, end.name) for start, end in found.edges] == [("l", "b"), ("m", "b")]


def test_rdeps_are_all_above() -> None:
    assert _names(query.rdeps(_GRAPH, [_label("b")])) == ["app", "b", "l", "m"]
    assert _names(query.rdeps(_GRAPH, [_label("alone")])) == ["alone"]


def test_somepath_keeps_the_order_of_the_chain() -> None:
    chain = _names(query.somepath(_GRAPH, [_label("app"), _label("b")]))
    assert chain[0] == "app" and chain[-1] == "b" and len(chain) == 3
    assert _names(query.somepath(_GRAPH, [_label("b"), _label("app")])) == []
    with pytest.raises(BuildError) as fault:
        query.somepath(_GRAPH, [_label("b")])
    assert fault.value.reason == "usage"


def test_forms() -> None:
    found = query.deps(_GRAPH, [_label("l")])
    assert query.text(found) == "//g:b\n//g:l\n"
    assert json.loads(query.as_json(found)) == {"labels": ["//g:b", "//g:l"], "edges": [["//g:l", "//g:b"]]}
    assert query.dot(found) == ('digraph targets {\n  rankdir=LR;\n  node [shape=box];\n  "//g:b";\n  "//g:l";\n'
                                '  "//g:l" -> "//g:b";\n}\n')
    assert query.text(query.listed([_label("m"), _label("l"), _label("m")])) == "//g:l\n//g:m\n"
