"""The rules that ship with buildgraph."""

from __future__ import annotations

from importlib import import_module

from .rule_api import Registry, rules_of

RULES = (
    "files",
    "command",
    "gate",
    "packages",
    "quality",
    "group",
    "model",
    "coalition",
    "hardware",
    "base_image",
    "export",
    "index",
    "kernel",
    "firmware",
)
"""The modules of `buildgraph.rules` that define them."""


def builtin_rules() -> Registry:
    """Import the shipped rules and return them in a new registry."""
    registry = Registry()
    for name in RULES:
        for rule in rules_of(import_module(f"buildgraph.rules.{name}")):
            registry.add(rule)
    return registry
