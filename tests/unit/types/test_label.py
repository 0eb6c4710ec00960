"""Labels and patterns."""

from __future__ import annotations

import pytest

from buildgraph.types.errors import BuildError
from buildgraph.types.label import Label, Pattern


@pytest.mark.parametrize(
    ("text", "package", "found"),
    [
        ("//a/b:c", "", "//a/b:c"),
        (":c", "a/b", "//a/b:c"),
        ("//a/b", "", "//a/b:b"),
        ("//:c", "x", "//:c"),
        ("//a.b/c-d:e+f_1.2", "", "//a.b/c-d:e+f_1.2"),
    ],
)
def test_a_label_reads_back_as_written(text: str, package: str, found: str) -> None:
    label = Label.parse(text, package)
    assert str(label) == found
    assert Label.parse(str(label)) == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a:b",
        "/a:b",
        "//a:",
        "//../a:b",
        "//a/../b:c",
        "//a//b:c",
        "//a/:b",
        "//a:b/c",
        "//a:..",
        "//a:b c",
        "//é:a",
        "//a:é",
        "//a\n:b",
        "//a:b\n",
        "//a:b\0",
        "//a.:b",
        "//a\\b:c",
        "//a:b:c",
    ],
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(BuildError) as error:
        Label.parse(text)
    assert error.value.reason == "label"


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("//...", ["//:a", "//x/y:z"], []),
        ("//a/...", ["//a:b", "//a/b:c"], ["//ab:c", "//:a"]),
        ("//a:*", ["//a:b"], ["//a/b:c", "//:a"]),
        ("//a:all", ["//a:b"], ["//a/b:c"]),
        ("-//a/...", ["//a/b:c"], ["//b:c"]),
        ("//a:b", ["//a:b"], ["//a:c"]),
        ("//:*", ["//:a"], ["//a:b"]),
    ],
)
def test_a_pattern_matches_what_it_says(
    pattern: str, inside: list[str], outside: list[str]
) -> None:
    found = Pattern.parse(pattern)
    assert all(found.matches(Label.parse(label)) for label in inside)
    assert not any(found.matches(Label.parse(label)) for label in outside)
    assert found.negative == pattern.startswith("-")
