"""Errors as data: exit codes, order and hints."""

from __future__ import annotations

import pytest

from buildgraph.types.errors import (
    BROKEN,
    ENVIRONMENT,
    FAILED,
    USAGE,
    BuildError,
    BuildErrors,
    Location,
    did_you_mean,
)


@pytest.mark.parametrize(
    ("reason", "code"),
    [("failed", FAILED), ("broken", BROKEN), ("environment", ENVIRONMENT), ("input", USAGE)],
)
def test_the_reason_determines_the_exit_code(reason: str, code: int) -> None:
    assert BuildError("x", reason=reason).code == code


def test_several_errors_are_sorted_by_location_and_have_the_reason_of_the_first() -> None:
    late, early = (
        BuildError("late", Location("b", 1)),
        BuildError("early", Location("a", 9), "", "r"),
    )
    errors = BuildErrors([late, early])
    assert errors.errors == (early, late) and errors.reason == "r" and str(errors) == "2 errors"
    assert errors.at == Location("a", 9)


def test_a_location_is_printed_without_unknown_numbers() -> None:
    assert [str(Location("f", *numbers)) for numbers in ((), (3,), (3, 4))] == ["f", "f:3", "f:3:4"]


def test_similar_words_are_suggested_and_others_are_not() -> None:
    assert did_you_mean("hardwre", ["hardware", "export"]) == "did you mean 'hardware'?"
    assert did_you_mean("zzz", ["hardware", "export"]) == ""
