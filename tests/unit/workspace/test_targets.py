"""Tables of BUILD.toml that are targets."""

from __future__ import annotations

from buildgraph.types.label import Label
from buildgraph.workspace.targets import TargetTables, target_tables
from buildgraph.workspace.toml import parse


def tables(text: str, folder: str = "") -> TargetTables:
    """The targets of a file in a folder."""
    return target_tables(parse(text.encode(), "BUILD.toml"), folder)


def test_a_table_with_a_rule_is_a_target() -> None:
    (target,) = tables('[a.b]\nrule = "r"\nx = 1\n[a.b.deep]\ny = 2\n', "d").targets
    assert (target.label, target.rule, target.folder) == (Label("d/a", "b"), "r", "d")
    assert target.values == {"x": 1, "deep": {"y": 2}} and target.nested == ()
    assert target.place("x").line == 3 and target.place("deep", "y").line == 5


def test_a_target_below_a_target_is_not_one_of_its_values() -> None:
    outer, inner = tables('[a]\nrule = "r"\n[a.b.c]\nrule = "s"\n').targets[::-1]
    labels = {target.label: target for target in (outer, inner)}
    assert set(labels) == {Label("", "a"), Label("a/b", "c")}
    assert labels[Label("", "a")].nested == (("b", "c"),)
    assert labels[Label("", "a")].values == {}


def test_the_workspace_table_is_no_target() -> None:
    result = tables('[workspace]\nname = "x"\n')
    assert result.targets == () and result.errors == ()


def test_errors_have_locations_and_do_not_stop_the_walk() -> None:
    result = tables("x = 1\n[a]\ny = 1\n['b c']\nrule = 'r'\n[con]\nrule = 'r'\n[ok]\nrule = 'r'\n")
    assert [target.label.name for target in result.targets] == ["ok"]
    assert [(error.what, error.at and error.at.line) for error in result.errors] == [
        ("'x' is outside any table", 1),
        ("the table [a] has values but no rule", 2),
        ("'b c' cannot be part of a label", 4),
        ("'con' cannot be part of a label", 6),
    ]
