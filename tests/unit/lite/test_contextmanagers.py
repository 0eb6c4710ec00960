"""Context managers behave as those of `contextlib`; cancellation and deferred signals nest."""

from __future__ import annotations

from io import StringIO

import pytest

from buildgraph.lite.contextmanagers import (
    Cancelled,
    cancellable,
    check_cancelled,
    closing,
    defer_signals,
    suppress,
)


def test_suppress_ignores_the_named_exceptions_and_their_subclasses() -> None:
    with suppress(OSError, ValueError):
        raise FileNotFoundError
    with suppress(OSError, ValueError):
        int("no number")
    with pytest.raises(KeyError), suppress(OSError):
        dict[str, int]().__getitem__("key")


def test_closing_closes_after_success_and_after_an_error() -> None:
    with closing(StringIO()) as first:
        assert not first.closed
    second = StringIO()
    with pytest.raises(ValueError), closing(second):
        raise ValueError
    assert first.closed and second.closed


def test_the_innermost_block_decides_on_cancellation() -> None:
    check_cancelled()
    with cancellable(lambda: True):
        with cancellable(lambda: False):
            check_cancelled()
        with pytest.raises(Cancelled):
            check_cancelled()
    check_cancelled()


def test_deferred_signals_are_raised_at_the_end_of_the_outermost_block() -> None:
    events = []
    with defer_signals():
        with defer_signals():
            assert defer_signals.depth == 2
            defer_signals.pending.append(lambda: events.append("raised"))
        assert events == []
    assert events == ["raised"] and defer_signals.depth == 0 and not defer_signals.pending
