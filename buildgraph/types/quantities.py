"""Numbers written with a unit: sizes ("8MiB"), durations ("5ms") and ages ("30d")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import NewType

from .errors import BuildError

_SIZES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_TIMES = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
}
_AGES = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_NUMBER = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-zµ]{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of quantity, an example, and its units as (name, multiple of the smallest unit)."""

    kind: str
    example: str
    units: tuple[tuple[str, int], ...]

    def parse(self, text: object) -> int:
        """The quantity as a whole number of its smallest unit.

        ValueError, with the expected form in its message, for anything else than such a text.
        """
        match = _NUMBER.fullmatch(text) if isinstance(text, str) else None
        unit = dict(self.units).get(match[2]) if match else None
        if match is None or unit is None:
            names = ", ".join(name for name, _ in self.units)
            raise ValueError(f'a {self.kind} is written like "{self.example}" (units: {names})')
        amount = Fraction(match[1]) * unit
        if amount.denominator != 1:
            raise ValueError(f"{text} is not a whole number of {self.units[0][0]}")
        return int(amount)


SIZE = Quantity("size", "8MiB", tuple(_SIZES.items()))
DURATION = Quantity("duration", "5ms", tuple(_TIMES.items()))

Size = NewType("Size", int)
"""Bytes; in BUILD.toml a text such as "8MiB" or "64KB"."""

Duration = NewType("Duration", int)
"""Nanoseconds; in BUILD.toml a text such as "5ms", "100us" or "2s"."""


def parse_size(text: str) -> Size:
    """A size in bytes from a text such as "8MiB".

    ValueError for any other text or a fraction of a byte.
    """
    return Size(SIZE.parse(text))


def parse_duration(text: str) -> Duration:
    """A duration in nanoseconds from a text such as "5ms".

    ValueError for any other text or a fraction of a nanosecond.
    """
    return Duration(DURATION.parse(text))


def parse_age(text: str) -> float:
    """An age in seconds from a text such as "30d". BuildError for any other text."""
    match = re.fullmatch(r"([0-9]{1,9})(s|min|h|d|w)", text, re.ASCII)
    if match is None:
        raise BuildError(
            f"{text!r} is not an age",
            fix='write it like "30d" (units: s, min, h, d, w)',
            reason="usage",
        )
    return int(match[1]) * float(_AGES[match[2]])
