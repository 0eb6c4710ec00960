"""The document of a report: verdicts, agents, graph, builds and its form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from buildgraph.report import document
from buildgraph.report.collect import Outcome
from buildgraph.types.label import Label
from buildgraph.types.target import Target


def gates(*verdicts: str) -> list[dict[str, Any]]:
    return [{"verdict": verdict} for verdict in verdicts]


@pytest.mark.parametrize(
    "outcome, verdict",
    [
        (Outcome(), ""),
        (Outcome(gates=gates("passed", "passed")), "passed"),
        (Outcome(gates=gates("passed", "not checked")), "not checked"),
        (Outcome(gates=gates("not checked", "failed")), "failed"),
        (Outcome(gates=gates("passed"), failed_action="link: exit code 1"), "failed"),
    ],
)
def test_an_export_has_the_worst_verdict(outcome: Outcome, verdict: str) -> None:
    assert document.judge(outcome) == verdict


def coalition(**agents: object) -> Target:
    return Target(Label.parse("//team:c"), "coalition", {"agents": agents}, "team", {})


def test_agents_are_labels_or_tables() -> None:
    target = coalition(rat="//models:rat", mouse={"model": ":mouse", "replicas": 3})
    assert document.agents_of(target) == [
        {"name": "rat", "model": "//models:rat", "replicas": 1},
        {"name": "mouse", "model": "//team:mouse", "replicas": 3},
    ]


def test_an_export_that_was_not_built_has_its_failure() -> None:
    target = Target(Label.parse("//:e"), "export", {"hardware": "//:pi"}, "", {})
    entry = document.encode_export(
        document.Export(target, coalition(), Outcome(failed_action="link: exit code 1")),
        root=Path(),
    )
    assert (entry["verdict"], entry["image"], entry["report"]) == ("failed", None, {})
    assert entry["failure"] == "link: exit code 1"


def test_the_graph_does_not_depend_on_order() -> None:
    rules = {"//:b": "export", "//:a": "model"}
    graph = document.encode_graph(rules, [("//:b", "//:a")], {"//:b": "broken"})
    assert graph == {
        "targets": [
            {"label": "//:a", "rule": "model", "failure": ""},
            {"label": "//:b", "rule": "export", "failure": "broken"},
        ],
        "edges": [[1, 0]],
    }


def test_builds_have_the_times_of_actions_and_what_hits_saved() -> None:
    action = {"number": 0, "label": "//:a", "title": "plan"}
    records = [
        (10, {"event": "started", **action}),
        (90, {"event": "done", **action, "how": "ran", "milliseconds": 1}),
        (95, {"event": "done", **action, "number": 1, "how": "hit", "milliseconds": 700}),
        (96, {"event": "failed", **action, "number": 2, "why": "exit code 1"}),
        (99, {"event": "finished", "code": 1, "milliseconds": 2}),
    ]
    [build] = document.encode_builds([records])
    assert (build["code"], build["milliseconds"]) == (1, 2)
    times = [(row["how"], row["start"], row["end"], row["saved_ms"]) for row in build["actions"]]
    assert times == [("ran", 10, 90, 0), ("hit", 95, 95, 700), ("failed", 96, 96, 0)]


def test_no_text_of_a_user_ends_the_script_element() -> None:
    text = document.encode({"workspace": "</script><script>alert(1)</script>"})
    assert "<" not in text
    assert json.loads(text) == {
        "schema": document.SCHEMA,
        "workspace": "</script><script>alert(1)</script>",
    }
