"""Numbers, times and logs of commands as text."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from buildgraph.types.events import Failed
from buildgraph.ui.format import (
    TAIL,
    format_failure,
    format_seconds,
    format_size,
    last_lines,
    strip_controls,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (42189, "41.2 KiB"),
        (1048575, "1.0 MiB"),
        (8 << 20, "8.0 MiB"),
        (3 << 30, "3.0 GiB"),
        (5 << 40, "5.0 TiB"),
        (1 << 60, "1048576.0 TiB"),
    ],
)
def test_size(count: int, text: str) -> None:
    assert format_size(count) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.00s"),
        (42, "0.04s"),
        (994, "0.99s"),
        (995, "1.0s"),
        (4211, "4.2s"),
        (59949, "59.9s"),
        (59950, "1m00s"),
        (72000, "1m12s"),
        (3720000, "1h02m"),
    ],
)
def test_seconds(milliseconds: int, text: str) -> None:
    assert format_seconds(milliseconds) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("10%\r20%\rdone", "done"),
        ("ends\r", "ends"),
        ("a\tb", "a   b"),
        ("bell\x07 null\x00", "bell null"),
        ("\u202eevil", "evil"),
        ("caf\u00e9 \u2603", "caf\u00e9 \u2603"),
        ("\x1bcreset", "creset"),
    ],
)
def test_control_sequences_are_removed(line: str, text: str) -> None:
    assert strip_controls(line) == text


@given(st.text())
def test_no_control_character_remains(line: str) -> None:
    assert all(ord(sign) >= 32 and not 127 <= ord(sign) < 160 for sign in strip_controls(line))


def test_long_lines_are_cut() -> None:
    assert strip_controls("x" * 10_000) == "x" * 400 + " ..."


def test_the_last_lines_follow_the_number_of_omitted_ones() -> None:
    log = "\n".join(f"line {number}" for number in range(TAIL + 5)) + "\n\n"
    lines = last_lines(log)
    assert lines[0] == "... 5 lines before these"
    assert lines[1:] == [f"line {number}" for number in range(5, TAIL + 5)]
    assert last_lines("one\ntwo\n") == ["one", "two"]
    assert last_lines("") == []


def test_a_failure_without_a_log_is_two_lines() -> None:
    event = Failed(1, "//a:b", "compile", "exit code 1", "", "python3 x.py")
    assert format_failure(event) == [
        "error: //a:b: compile: exit code 1",
        "   = run it again by hand: python3 x.py",
    ]
