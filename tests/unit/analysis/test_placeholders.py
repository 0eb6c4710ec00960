"""References in checked tables, and their resolution."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph.analysis.placeholders import (
    CheckedTable,
    FileRefs,
    GlobResult,
    LabelRef,
    LabelRefs,
    arguments,
    label_refs,
    resolve,
)
from buildgraph.types.action import Source
from buildgraph.types.label import Label
from buildgraph.workspace.toml_positions import Path

A, B = Label("p", "a"), Label("p", "b")


class Named:
    """A resolver that returns labels as text."""

    def ref(self, path: Path, ref: LabelRef) -> str:
        """The label and its position."""
        return f"{ref.label} at {path}"

    def source(self, path: Path, name: str) -> Source:
        """The file."""
        return Source(name)


@dataclass(frozen=True)
class Link:
    """A table of a rule."""

    from_: str
    to: str = "default"


def test_references_are_listed_with_their_positions() -> None:
    value = {
        "one": LabelRef(A),
        "many": (LabelRefs((LabelRef(A), LabelRef(B))), LabelRefs((LabelRef(B),), True)),
        "table": CheckedTable(Link, (("from", "from_", LabelRef(B, True, "x")),)),
        "plain": 1,
    }
    assert [(path, str(ref.label)) for path, ref in label_refs(value)] == [
        (("one",), "//p:a"),
        (("many", 0), "//p:a"),
        (("many", 0), "//p:b"),
        (("table", "from"), "//p:b"),
    ]


def test_negative_entries_remove_targets_before_them() -> None:
    both = LabelRefs((LabelRef(A), LabelRef(B)))
    values = (both, LabelRefs((LabelRef(A),), True), LabelRefs((LabelRef(B),)))
    assert resolve(values, ("deps",), Named()) == ("//p:b at ('deps', 0)",)


def test_globs_are_sorted_and_negative_ones_remove_files_before_them() -> None:
    globs = GlobResult((FileRefs(("b", "a", "c")), FileRefs(("c",), True), FileRefs(("b", "d"))))
    sources = resolve(globs, ("srcs",), Named()).sources
    assert [source.name for source in sources] == ["a", "b", "d"]


def test_tables_become_the_arguments_of_their_class() -> None:
    table = CheckedTable(Link, (("from", "from_", LabelRef(A)),))
    assert resolve((table,), ("links",), Named()) == (Link("//p:a at ('links', 0, 'from')"),)
    assert arguments(table, (), Named()) == {"from_": "//p:a at ('from',)"}
    assert resolve({"x": (1, FileRefs(("f",)))}, (), Named()) == {"x": (1, Source("f"))}
