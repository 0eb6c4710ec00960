"""Errors in tables, described in terms of BUILD.toml."""

from __future__ import annotations

import pytest

from buildgraph.analysis.diagnostics import (
    Mistake,
    ambiguity_error,
    dotted_key,
    format_value,
    to_error,
)
from buildgraph.types.errors import BuildError, Location
from buildgraph.types.label import Label
from buildgraph.types.target import Target
from buildgraph.workspace.toml_positions import Path

TARGET = Target(Label("p", "t"), "export", {}, "p", {})
KEYS = {"hardware": True, "budget": False}


def mistake(kind: str, path: Path = ("budget",), value: object = "x", **more: str) -> Mistake:
    """A mistake of pydantic."""
    return Mistake(kind, path, more.get("message", "Msg"), value, more.get("expected", ""), None)


@pytest.mark.parametrize(
    ("entry", "what", "fix"),
    [
        (mistake("int_type"), "//p:t: budget must be a whole number, not the text 'x'", ""),
        (mistake("tuple_type"), "//p:t: budget must be a list, not the text 'x'", 'write ["x"]'),
        (mistake("dict_type", value=[]), "//p:t: budget must be a table, not a list", ""),
        (
            mistake("literal_error", value="ab", expected="'abc' or 'xyz'"),
            "//p:t: budget must be 'abc' or 'xyz', not the text 'ab'",
            "did you mean 'abc'?",
        ),
        (mistake("buildgraph", message="is bad"), "//p:t: budget is bad", ""),
        (mistake("other"), "//p:t: budget is the text 'x': msg", ""),
        (
            mistake("extra_forbidden", ("budgt",)),
            "//p:t: unknown key 'budgt'",
            "did you mean 'budget'?",
        ),
        (
            mistake("extra_forbidden", ("zzz",)),
            "//p:t: unknown key 'zzz'",
            "it may have hardware, budget",
        ),
        (
            mistake("extra_forbidden", ("a",), {"rule": "x"}),
            "//p:t: unknown key 'a'",
            "a target below a target needs a header of its own, such as [a.b]",
        ),
        (
            mistake("missing", ("hardware",)),
            "//p:t: the key 'hardware' is missing",
            "export needs hardware",
        ),
        (
            mistake("missing", ("links", 0, "hardware")),
            "//p:t: the key 'links[0].hardware' is missing",
            "it needs hardware",
        ),
    ],
)
def test_each_kind_has_a_message_and_advice(entry: Mistake, what: str, fix: str) -> None:
    error = to_error(TARGET, entry, KEYS)
    assert (error.what, error.fix) == (what, fix)


def test_an_error_of_a_label_continues_the_key_and_keeps_its_place() -> None:
    at = Location("BUILD.toml", 3)
    for what, expected in (("must be one target", "//p:t: budget must be one target"), ("x", "x")):
        inner = BuildError(what, at, "help", "kind")
        error = to_error(TARGET, Mistake("buildgraph", ("budget",), "", "", "", inner), KEYS)
        assert (error.what, error.at, error.fix, error.reason) == (expected, at, "help", "kind")


def test_a_table_that_may_be_a_value_or_a_target() -> None:
    error = ambiguity_error(TARGET, ("budget", "x"))
    assert error.what.startswith("[t.budget.x] has a rule") and "budget = { ... }" in error.fix


def test_paths_and_values_of_messages() -> None:
    assert dotted_key(("links", 0, "from")) == "links[0].from" and dotted_key(()) == ""
    texts = [format_value(value) for value in (True, 1.5, "x", [1], {"a": 1})]
    assert texts == ["true", "the number 1.5", "the text 'x'", "a list", "a table"]
