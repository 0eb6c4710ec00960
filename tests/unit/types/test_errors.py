"""Faults as the user reads them."""

from __future__ import annotations

import pytest

from buildgraph.types.errors import BuildError, BuildErrors, Location, did_you_mean
from buildgraph.ui.diagnostics import format_error


def shown(line: str, at: Location, what: str = "bad", fix: str = "") -> list[str]:
    return format_error(BuildError(what, at, fix), lambda path, number: line).split("\n")


def test_a_fault_shows_the_line_a_caret_and_the_way_out() -> None:
    text = format_error(
        BuildError(
            "no target //hardware:jetsn",
            Location("BUILD.toml", 31, 13, 16),
            "did you mean '//hardware:jetson'?",
        ),
        lambda path, number: 'hardware = "//hardware:jetsn"\n',
    )
    assert text == (
        'error: no target //hardware:jetsn\n  --> BUILD.toml:31:13\n31 | hardware = "//hardware:jetsn"\n'
        "   |             ^^^^^^^^^^^^^^^^\nhelp: did you mean '//hardware:jetson'?\n"
    )


def test_faults_are_told_in_the_order_of_their_places_and_once() -> None:
    faults = [
        BuildError("second", Location("a", 2)),
        BuildError("first", Location("a", 1)),
        BuildError("second", Location("a", 2)),
    ]
    text = format_error(BuildErrors(faults), lambda path, number: None)
    assert text == "error: first\n  --> a:1\n\nerror: second\n  --> a:2\n"


def test_a_fault_without_place_or_line_is_still_told() -> None:
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
def test_the_caret_stands_under_its_character(
    line: str, column: int, length: int, caret: str
) -> None:
    assert shown(line, Location("f", 1, column, length))[3] == caret


def test_nothing_shown_can_drive_the_terminal() -> None:
    text = "\n".join(
        shown("x = '\x1b[2J'\x07", Location("f\x1b", 1, 5, 3), "bad \x1b[31m", "fix \x07")
    )
    assert "\x1b" not in text and "\x07" not in text


def test_a_long_line_is_cut_around_the_caret() -> None:
    lines = shown("a" * 500 + "HERE" + "b" * 500, Location("f", 1, 501, 4))
    assert len(lines[2]) < 130
    assert lines[2][lines[3].index("^") :].startswith("HERE")
    assert lines[3].count("^") == 4


def test_near_words_are_offered_and_far_ones_are_not() -> None:
    assert did_you_mean("hardwre", ["hardware", "export"]) == "did you mean 'hardware'?"
    assert did_you_mean("zzz", ["hardware", "export"]) == ""
