"""Errors as the user reads them."""

from __future__ import annotations

import pytest

from buildgraph.types.errors import BuildError, BuildErrors, Location
from buildgraph.ui.diagnostics import format_error


def format_at(line: str, at: Location, what: str = "bad", fix: str = "") -> list[str]:
    return format_error(BuildError(what, at, fix), lambda path, number: line).split("\n")


def test_an_error_shows_the_line_a_caret_and_the_help() -> None:
    text = format_error(
        BuildError(
            "no target //hardware:jetsn",
            Location("BUILD.toml", 31, 13, 16),
            "did you mean '//hardware:jetson'?",
        ),
        lambda path, number: 'hardware = "//hardware:jetsn"\n',
    )
    assert text == (
        "error: no target //hardware:jetsn\n  --> BUILD.toml:31:13\n"
        '31 | hardware = "//hardware:jetsn"\n'
        "   |             ^^^^^^^^^^^^^^^^\nhelp: did you mean '//hardware:jetson'?\n"
    )


def test_errors_are_sorted_by_location_and_printed_once() -> None:
    errors = [
        BuildError("second", Location("a", 2)),
        BuildError("first", Location("a", 1)),
        BuildError("second", Location("a", 2)),
    ]
    text = format_error(BuildErrors(errors), lambda path, number: None)
    assert text == "error: first\n  --> a:1\n\nerror: second\n  --> a:2\n"


def test_an_error_without_location_or_line_is_printed() -> None:
    assert format_error(BuildError("x"), lambda path, number: "never") == "error: x\n"
    assert (
        format_error(BuildError("x", Location("gone", 3, 1)), lambda path, number: None)
        == "error: x\n  --> gone:3:1\n"
    )


@pytest.mark.parametrize(
    ("line", "column", "length", "caret"),
    [
        ("\tx = 1", 6, 1, "  | \t    ^"),
        ("日本 = 1", 6, 1, "  |        ^"),
        ("e\u0301 = x", 6, 1, "  |     ^"),
        ("ab", 9, 4, "  |   ^"),
    ],
)
def test_the_caret_is_below_its_character(line: str, column: int, length: int, caret: str) -> None:
    assert format_at(line, Location("f", 1, column, length))[3] == caret


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = "\n".join(
        format_at("x = '\x1b[2J'\x07", Location("f\x1b", 1, 5, 3), "bad \x1b[31m", "fix \x07")
    )
    assert "\x1b" not in text and "\x07" not in text


def test_a_long_line_is_cut_around_the_caret() -> None:
    lines = format_at("a" * 500 + "HERE" + "b" * 500, Location("f", 1, 501, 4))
    assert len(lines[2]) < 130
    assert lines[2][lines[3].index("^") :].startswith("HERE")
    assert lines[3].count("^") == 4
