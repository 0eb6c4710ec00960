"""Challenges of `WWW-Authenticate`, well-formed and not."""

from __future__ import annotations

import pytest

from buildgraph.registry.challenge import Challenge, parse_challenges

REALM = 'realm="https://auth.example/token",service="registry.example"'


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ("", []),
        ("Basic", [Challenge("basic")]),
        ('Basic realm="a, b"', [Challenge("basic", {"realm": "a, b"})]),
        ("Basic realm=plain", [Challenge("basic", {"realm": "plain"})]),
        (r'Basic realm="a \"b\""', [Challenge("basic", {"realm": 'a "b"'})]),
        (
            f'Bearer {REALM},scope="repository:a/b:pull,push"',
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.example/token",
                        "service": "registry.example",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (
            'Basic realm="a", Bearer realm = "b"',
            [Challenge("basic", {"realm": "a"}), Challenge("bearer", {"realm": "b"})],
        ),
        ('Bearer realm="not closed', [Challenge("bearer")]),
        ('"', []),
    ],
)
def test_challenges(header: str, challenges: list[Challenge]) -> None:
    assert parse_challenges(header) == challenges


def test_a_long_header_takes_little_time() -> None:
    for text in ("a" * 10**6, "a=" * 10**6, 'a="' * 10**5, "a " * 10**6, '\\"' * 10**5):
        parse_challenges("Bearer " + text)
