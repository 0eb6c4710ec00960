"""Labels and patterns."""

from __future__ import annotations

import pytest

from buildgraph.types.errors import BuildError
from buildgraph.types.label import Label, Pattern, resolve_shorthand


@pytest.mark.parametrize(
    ("text", "package", "label"),
    [
        ("//a/b:c", "", "//a/b:c"),
        (":c", "a/b", "//a/b:c"),
        ("//a/b", "", "//a/b:b"),
        ("//:c", "x", "//:c"),
        ("//a.b/c-d:e+f_1.2", "", "//a.b/c-d:e+f_1.2"),
    ],
)
def test_a_label_is_parsed_as_it_is_printed(text: str, package: str, label: str) -> None:
    parsed = Label.parse(text, package)
    assert str(parsed) == label
    assert Label.parse(str(parsed)) == parsed


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
def test_other_texts_are_refused(text: str) -> None:
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
def test_a_pattern_matches_its_labels(pattern: str, inside: list[str], outside: list[str]) -> None:
    parsed = Pattern.parse(pattern)
    assert all(parsed.matches(Label.parse(label)) for label in inside)
    assert not any(parsed.matches(Label.parse(label)) for label in outside)
    assert parsed.negative == pattern.startswith("-")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("a/b", ("//a:b",)),
        ("./a/b", ("//a:b",)),
        ("a", (":a",)),
        ("a/", ("//a:*", "//a/...")),
        ("a/...", ("//a/...",)),
        ("a/**", ("//a/...",)),
        ("a:b", ("//a:b",)),
        ("a:*b", ("//a:*",)),
        ("@repo//a:b", ("//a:b",)),
        ("a\\b", ("//a:b",)),
        ("-a/b", ("-//a:b",)),
        ("//a:b", ()),
        ("a b", ()),
    ],
)
def test_labels_are_suggested_for_similar_texts(text: str, labels: tuple[str, ...]) -> None:
    assert resolve_shorthand(text) == labels
