"""Help on rules: descriptions, types, defaults and examples."""

from __future__ import annotations

from typing import Any

import pytest

from buildgraph.analysis.rule_api import Ctx, Globs, Rule
from buildgraph.analysis.rule_help import describe_rule, describe_type, key_description
from buildgraph.types.action import Source
from buildgraph.types.provider import Provider
from buildgraph.types.quantities import Duration, Size


def shrink(
    ctx: Ctx,
    text: Source,
    parts: Globs,
    limit: Size = Size(2048),
    wait: Duration = Duration(5_000_000),
    fast: bool = True,
    name_: str = "x",
) -> Provider:
    """Shrink a text.

    `text` is the file, `parts` are others. It stops at the `limit`. Names are free: `name` is one.
    """
    raise NotImplementedError


RULE = Rule("shrink", shrink)


def test_a_rule_is_described() -> None:
    described = describe_rule(RULE, {"name": ["x", "y"]})
    assert described["summary"] == "Shrink a text." and described["provides"] == "Provider"
    keys = {key["key"]: key for key in described["keys"]}
    assert list(keys) == ["text", "parts", "limit", "wait", "fast", "name"]
    assert [keys[name]["default"] for name in keys] == [
        None,
        None,
        '"2KiB"',
        '"5ms"',
        "true",
        '"x"',
    ]
    assert [keys[name]["required"] for name in keys] == [True, True, False, False, False, False]
    assert keys["name"]["values"] == ["x", "y"] and keys["parts"]["type"] == "list of a glob"
    assert described["example"].splitlines() == [
        "[shrinks.example]",
        'rule = "shrink"',
        'text = "text.txt"',
        'parts = ["src/**"]',
    ]


@pytest.mark.parametrize(
    ("key", "description"),
    [
        ("text", "`text` is the file"),
        ("parts", "`parts` are others."),
        ("limit", "It stops at the `limit`."),
        ("name", "`name` is one."),
        ("wait", ""),
    ],
)
def test_a_key_is_described_by_its_sentence(key: str, description: str) -> None:
    assert key_description(RULE, key) == description


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "integer"}, "whole number"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        (
            {"type": "object", "additionalProperties": {"type": "boolean"}},
            "table by name, each true or false",
        ),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "number"),
        ({"enum": ["a", "b"]}, '"a" or "b"'),
        ({"$ref": "#/$defs/T"}, "table of x, y"),
        ({}, "any value"),
    ],
)
def test_types_are_described_in_words(schema: dict[str, Any], text: str) -> None:
    assert describe_type(schema, {"T": {"properties": {"x": {}, "y": {}}}}) == text
