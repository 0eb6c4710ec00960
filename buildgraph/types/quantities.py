"""Values that are written as text with a unit: `Size` ("8MiB", in bytes) and `Duration` ("5ms", in nanoseconds)."""

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
    """How a quantity is written: the name of its kind, an example, and its units in multiples of the smallest."""

    kind: str
    example: str
    units: tuple[tuple[str, int], ...]

    def parse(self, text: object) -> int:
        """The whole number of smallest units that a text means; ValueError that says the form when it is none."""
        found = _NUMBER.fullmatch(text) if isinstance(text, str) else None
        unit = dict(self.units).get(found[2]) if found else None
        if found is None or unit is None:
            known = ", ".join(name for name, _ in self.units)
            raise ValueError(f'a {self.kind} is written like "{self.example}" (units: {known})')
        amount = Fraction(found[1]) * unit
        if amount.denominator != 1:
            raise ValueError(f"{text} is no whole number of {self.units[0][0]}")
        return int(amount)


SIZE = Quantity("size", "8MiB", tuple(_SIZES.items()))
DURATION = Quantity("duration", "5ms", tuple(_TIMES.items()))

Size = NewType("Size", int)
"""Bytes; in BUILD.toml a text such as "8MiB" or "64KB"."""

Duration = NewType("Duration", int)
"""Nanoseconds; in BUILD.toml a text such as "5ms", "100us" or "2s"."""


def parse_size(text: str) -> Size:
    """Bytes that a text such as "8MiB" means; ValueError when it means none."""
    return Size(SIZE.parse(text))


def parse_duration(text: str) -> Duration:
    """Nanoseconds that a text such as "5ms" means; ValueError when it means none."""
    return Duration(DURATION.parse(text))


def parse_age(text: str) -> float:
    """Seconds that an age such as "30d" means; BuildError when it means none."""
    match = re.fullmatch(r"([0-9]{1,9})(s|min|h|d|w)", text, re.ASCII)
    if match is None:
        raise BuildError(
            f"{text!r} is no age",
            fix='write it like "30d" (units: s, min, h, d, w)',
            reason="usage",
        )
    return int(match[1]) * float(_AGES[match[2]])
