"""The rules that ship with buildgraph."""

from __future__ import annotations

from importlib import import_module

from .rule_api import Registry, rules_of

RULES = (
    "files",
    "command",
    "gate",
    "group",
    "model",
    "coalition",
    "hardware",
    "export",
    "index",
    "firmware",
)


def builtin_rules() -> Registry:
    """The rules that ship with buildgraph."""
    rules = Registry()
    for name in RULES:
        for found in rules_of(import_module(f"buildgraph.rules.{name}")):
            rules.add(found)
    return rules
