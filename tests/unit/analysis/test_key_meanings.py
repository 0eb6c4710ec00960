"""Meanings of keys and examples of rules: complete, and of keys that the rules have."""

from __future__ import annotations

import tomllib

from buildgraph.analysis.builtin_rules import builtin_rules
from buildgraph.analysis.key_meanings import EXAMPLES, MEANINGS
from buildgraph.analysis.rule_schema import schema_of


def test_every_key_of_a_shipped_rule_has_a_meaning() -> None:
    rules = builtin_rules().rules
    assert {name: set(keys) for name, keys in MEANINGS.items()} == {
        name: set(schema_of(rule).keys()) for name, rule in rules.items()
    }
    assert EXAMPLES.keys() == rules.keys()


def test_every_example_has_the_keys_of_its_rule() -> None:
    for name, text in EXAMPLES.items():
        table = tomllib.loads(text)
        while "rule" not in table:
            (table,) = table.values()
        keys = schema_of(builtin_rules().rules[name]).keys()
        assert table.pop("rule") == name and table.keys() <= keys.keys()
        assert {key for key, required in keys.items() if required} <= table.keys()
