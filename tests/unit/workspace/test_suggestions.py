"""Help for labels and patterns that match no target."""

from __future__ import annotations

import pytest

from buildgraph.types.label import Pattern
from buildgraph.workspace.suggestions import suggest_label, suggest_pattern

KNOWN = ["//:top", "//a:one", "//a:two", "//a/b:one", "//c/d:last"]


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        ("//a:a", "//a is a package: '//a:*' are its targets"),
        ("//a:b", "//a/b is a package: '//a/b:*' are its targets"),
        ("//c:c", "there are packages below //c: '//c/...' are their targets"),
        ("//a:onee", "did you mean '//a:one'?"),
        ("//zzzzzz:last", "did you mean '//c/d:last'?"),
        ("//last:last", "did you mean '//c/d:last'?"),
        ("//one:one", "did you mean '//a:one' or '//a/b:one'?"),
        ("//lats:lats", "did you mean '//c/d:last'?"),
        ("//qqqqqq:qqqqqq", ""),
    ],
)
def test_a_label_gets_a_similar_one(label: str, hint: str) -> None:
    assert suggest_label(label, KNOWN) == hint


@pytest.mark.parametrize(
    ("pattern", "known", "hint"),
    [
        ("//aa:*", KNOWN, "did you mean 'a'?"),
        ("//c:*", KNOWN, "'//c/...' are the targets of the packages below"),
        ("//qqqq/...", KNOWN, "`buildgraph query list //...` lists all targets"),
        ("//qqqq/...", [], "no BUILD.toml of the workspace has a target"),
    ],
)
def test_a_pattern_gets_a_package(pattern: str, known: list[str], hint: str) -> None:
    assert suggest_pattern(Pattern.parse(pattern), known) == hint
