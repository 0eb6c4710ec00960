"""Quantities written as text."""

from __future__ import annotations

import pytest

from buildgraph.types.errors import BuildError
from buildgraph.types.quantities import parse_age, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("8MiB", 8 << 20),
        ("64KB", 64_000),
        ("1.5GiB", 3 << 29),
        ("0B", 0),
        ("2 TiB", 2 << 40),
        ("512B", 512),
    ],
)
def test_a_size_is_in_bytes(text: str, amount: int) -> None:
    assert parse_size(text) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5ms", 5_000_000),
        ("100us", 100_000),
        ("100µs", 100_000),
        ("2s", 2 * 10**9),
        ("1.5ms", 1_500_000),
        ("1min", 60 * 10**9),
        ("7ns", 7),
    ],
)
def test_a_duration_is_in_nanoseconds(text: str, amount: int) -> None:
    assert parse_duration(text) == amount


@pytest.mark.parametrize(
    "text",
    ["", "8", "MiB", "-8MiB", "8mib", "8Mi", "1e3KB", "0.5B", "8MiB ", "٣MiB", "9" * 20 + "B"],
)
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="size|whole"):
        parse_size(text)


@pytest.mark.parametrize(("text", "seconds"), [("30d", 30 * 86400), ("0s", 0), ("2w", 14 * 86400)])
def test_an_age_is_in_seconds(text: str, seconds: float) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "1.5d", "-1d", "1 d", "1y", "9" * 10 + "d"])
def test_other_texts_are_no_ages(text: str) -> None:
    with pytest.raises(BuildError, match="is not an age") as error:
        parse_age(text)
    assert error.value.reason == "usage"
