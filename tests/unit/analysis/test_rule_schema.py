"""Schemas from the signatures of rules: which values they accept, and which types they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from buildgraph.analysis.placeholders import CheckedTable, FileRefs, LabelRef, LabelRefs
from buildgraph.analysis.rule_api import Ctx, Rule
from buildgraph.analysis.rule_schema import schema_of
from buildgraph.analysis.scope import Kinds
from buildgraph.types.action import Source
from buildgraph.types.errors import BuildError
from buildgraph.types.label import Label
from buildgraph.types.provider import Provider
from buildgraph.types.quantities import Duration, Size


@dataclass(frozen=True)
class Board(Provider):
    """A provider."""


@dataclass(frozen=True)
class Mode:
    """A table that a word is short for."""

    kind: Literal["fast", "small"]
    level: int = 0


class Texts:
    """A scope in which every text is valid."""

    def labels(self, text: str, kinds: Kinds) -> LabelRefs:
        """Two targets for a pattern, else one."""
        names = ("a", "b") if text.endswith("*") else (text,)
        return LabelRefs(tuple(LabelRef(Label("p", name)) for name in names))

    def artifact(self, text: str) -> LabelRef | FileRefs:
        """A label if it has a colon."""
        return LabelRef(Label("p", text[1:])) if ":" in text else FileRefs((text,))

    def files(self, glob: str) -> FileRefs:
        """No files."""
        return FileRefs(())

    def label(self, text: str) -> Label:
        """Its name."""
        return Label("p", text)


def example(
    ctx: Ctx,
    board: Board,
    source: Source,
    from_: str = "",
    size: Size | None = None,
    wait: Duration | None = None,
    mode: Mode | None = None,
    deps: tuple[Provider, ...] = (),
    numbers: dict[str, float] | None = None,
) -> Board:
    """A rule with most types."""
    return board


SCHEMA = schema_of(Rule("example", example))
GOOD = {"board": "x", "source": "f.txt"}


def test_a_valid_table_has_placeholders_and_only_the_written_entries() -> None:
    table = SCHEMA.check(
        GOOD | {"from": "y", "size": "2KiB", "wait": "5ms", "deps": ["*"], "mode": "fast"}, Texts()
    )
    assert isinstance(table, CheckedTable)
    entries = {name: value for _, name, value in table.entries}
    assert entries["board"] == LabelRef(Label("p", "x")) and entries["source"] == FileRefs(
        ("f.txt",)
    )
    assert (entries["from_"], entries["size"], entries["wait"]) == ("y", 2048, 5_000_000)
    assert entries["mode"] == CheckedTable(Mode, (("kind", "kind", "fast"),))
    assert "numbers" not in entries and len(entries["deps"][0].refs) == 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ({"board": "*"}, ("board",), "must be one target, but * is a pattern of 2"),
        ({"board": 3}, ("board",), "must be a label, as text, not the number 3"),
        ({"source": ":x"}, ("source",), "must be the path of a file, not a label"),
        ({"size": 5}, ("size",), "is the number 5: a size is written like"),
        ({"numbers": {"x": "y"}}, ("numbers", "x"), "valid number"),
        ({"mode": "slow"}, ("mode", "kind"), "'fast' or 'small'"),
        ({"other": 1}, ("other",), "Extra inputs"),
    ],
)
def test_mistakes_have_a_path(values: dict[str, Any], path: tuple[str, ...], message: str) -> None:
    mistakes = SCHEMA.check(GOOD | values, Texts())
    assert isinstance(mistakes, list)
    (mistake,) = [entry for entry in mistakes if entry.path[: len(path)] == path]
    assert message in mistake.message


def test_keys_of_the_table_and_of_tables_in_it() -> None:
    assert SCHEMA.keys()["board"] and not SCHEMA.keys()["from"]
    assert SCHEMA.keys(("mode",)) == {"kind": True, "level": False}
    assert SCHEMA.keys(("board",)) == {} and SCHEMA.provides is Board


def no_provider(ctx: Ctx) -> int:
    """A rule that returns no provider."""
    return 1


def no_toml(ctx: Ctx, data: set[str]) -> Board:
    """A rule with a type that TOML does not have."""
    return Board()


@pytest.mark.parametrize(
    ("function", "what"),
    [(no_provider, "must return a Provider"), (no_toml, "cannot be written in BUILD.toml")],
)
def test_signatures_that_are_refused(function: Callable[..., Any], what: str) -> None:
    with pytest.raises(BuildError, match=what) as error:
        schema_of(Rule(function.__name__, function))
    assert error.value.reason == "rule"
