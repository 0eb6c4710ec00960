"""Help on rules: the keys of a rule with types, defaults and meanings, and an example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..types.quantities import DURATION, SIZE, Quantity
from .key_meanings import EXAMPLES, MEANINGS
from .rule_api import Rule
from .rule_schema import schema_of

_SAMPLES = {"whole number": "1", "number": "1.0", "true or false": "true"}


def describe_rule(rule: Rule, names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Describe a rule as a JSON object: help, provider, keys, and an example.

    `names` has the known values of text keys. Raises BuildError if BUILD.toml cannot express the
    type of a parameter.
    """
    schema = schema_of(rule)
    json_schema = schema.table.model_json_schema()
    required = schema.keys()
    definitions = json_schema.get("$defs", {})
    keys = [
        {
            "key": key,
            "type": describe_type(json_schema["properties"][key], definitions),
            "required": required[key],
            "default": None if required[key] else _format_default(rule, key),
            "meaning": key_description(rule, key),
            "values": list(names.get(key, ())),
        }
        for key in required
    ]
    return {
        "rule": rule.name,
        "summary": summary(rule),
        "help": inspect.getdoc(rule.function) or "",
        "provides": schema.provides.__name__,
        "keys": keys,
        "example": _example(rule, keys),
    }


def summary(rule: Rule) -> str:
    """Return the first paragraph of a rule's docstring, in one line."""
    return " ".join((inspect.getdoc(rule.function) or "").partition("\n\n")[0].split())


def key_description(rule: Rule, key: str) -> str:
    """Return the meaning of a key.

    For a shipped rule it is written in `key_meanings`; for others it is the sentence of the
    docstring that contains the key in backticks, '' if there is none.
    """
    if written := MEANINGS.get(rule.name, {}).get(key):
        return written
    text = " ".join((inspect.getdoc(rule.function) or "").split())
    for sentence in re.split(r"(?<=[.:]) (?=[A-Z`])", text):
        # "`inputs` are files, `outputs` paths" has a clause for each key.
        clauses = re.split(r", (?=`)", sentence)
        if len(clauses) > 1:
            for clause in clauses:
                if clause.startswith(f"`{key}`"):
                    return clause
        if re.search(rf"`{re.escape(key)}\b", sentence):
            return sentence
    return ""


def _format_default(rule: Rule, key: str) -> str:
    """Format the default of a key as in BUILD.toml; '' if there is none to show."""
    parameters = inspect.signature(inspect.unwrap(rule.function)).parameters.values()
    parameter = next(p for p in parameters if (p.name.rstrip("_") or p.name) == key)
    value, hint = parameter.default, str(parameter.annotation)
    if value is None or value in ("", ()):
        return ""
    for quantity, name in ((SIZE, "Size"), (DURATION, "Duration")):
        if name in hint and isinstance(value, int):
            return _format_quantity(quantity, value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(value) if isinstance(value, (int, float)) else ""


def _format_quantity(quantity: Quantity, value: int) -> str:
    if not value:
        return ""
    unit, size = max(
        (unit for unit in quantity.units if value % unit[1] == 0), key=lambda unit: unit[1]
    )
    return f'"{value // size}{unit}"'


def describe_type(schema: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    """Describe the type of a JSON Schema in words, such as "list of text".

    `tables` are the definitions that it refers to.
    """
    if "$ref" in schema:
        table = tables.get(schema["$ref"].removeprefix("#/$defs/"), {})
        return f"table of {', '.join(table.get('properties', {}))}"
    if "enum" in schema and len(schema["enum"]) < 10:
        return " or ".join(f'"{word}"' for word in schema["enum"])
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option.get("type") != "null"]
        return " or ".join(describe_type(option, tables) for option in options)
    match schema.get("type"):
        case "array":
            return f"list of {describe_type(schema.get('items', {}), tables)}"
        case "object":
            values = schema.get("additionalProperties")
            kind = describe_type(values if isinstance(values, dict) else {}, tables)
            return f"table by name, each {kind}"
        case "string":
            return str(schema.get("description", "text"))
    return {"integer": "whole number", "number": "number", "boolean": "true or false"}.get(
        schema.get("type", ""), "any value"
    )


def _example(rule: Rule, keys: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of a rule.

    For a shipped rule it is written in `key_meanings`; for others it has the required keys with
    values of their types.
    """
    if rule.name in EXAMPLES:
        return EXAMPLES[rule.name]
    lines = [f"[{rule.name}s.example]", f'rule = "{rule.name}"']
    lines += [f"{key['key']} = {_sample(key)}" for key in keys if key["required"]]
    return "\n".join(lines)


def _sample(key: Mapping[str, Any]) -> str:
    kind, name = str(key["type"]), str(key["key"])
    if key["values"]:
        return f'"{key["values"][0]}"'
    if kind.startswith("list"):
        if "glob" in kind:
            return '["src/**"]'
        return '["//package:name"]' if "label" in kind else '["..."]'
    if kind.startswith("table by"):
        return '{ name = "//package:name" }' if "label" in kind else '{ name = "..." }'
    if kind.startswith("table"):
        return "{ ... }"
    if kind in _SAMPLES:
        return _SAMPLES[kind]
    if kind.startswith('"'):
        return kind.partition(" or ")[0]
    if kind.startswith("a label"):
        return '"//package:name"'
    return f'"{name}.txt"' if "file" in kind else '"..."'
