"""The challenges that a registry sends with status 401 (RFC 9110, `WWW-Authenticate`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*(?:,|$)')
_SCHEME = re.compile(rf"\s*({_TOKEN})(?:\s+|$|,)(?!\s*=)")
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """A way to authenticate: a scheme in lower case, and its parameters such as `realm`."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> list[Challenge]:
    """Return the challenges of a header, in order; text that is not valid ends the list."""
    challenges: list[Challenge] = []
    text = header[:_LONGEST]
    place = 0
    while place < len(text):
        if challenges and (match := _PARAMETER.match(text, place)):
            name, quoted, plain = match.groups()
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            challenges[-1].parameters[name.lower()] = value
        elif match := _SCHEME.match(text, place):
            challenges.append(Challenge(match[1].lower()))
        else:
            break
        place = match.end()
    return challenges
