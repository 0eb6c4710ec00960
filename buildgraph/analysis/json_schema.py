"""JSON Schema of BUILD.toml for editors, and the keys of a rule for people, read off the signatures that check tables."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..types.quantities import DURATION, SIZE, Quantity
from .key_meanings import EXAMPLES, MEANINGS
from .rule_api import Registry, Rule
from .rule_schema import Signature, signature

_SETTINGS = {
    "name": {
        "type": "string",
        "description": "the name of the workspace (default: that of its folder)",
    },
    "rules": {
        "type": "array",
        "items": {"type": "string", "pattern": r"\.py$"},
        "description": "files of rules of the workspace, such as tools/my_rules.py",
    },
}
_MATRIX = {
    "type": "object",
    "additionalProperties": {"type": "array"},
    "description": "a target for each combination of values: a list of values, labels or patterns by key",
}


def json_schema(
    rules: Registry, names: Mapping[str, Mapping[str, Sequence[str]]]
) -> dict[str, Any]:
    """JSON Schema of BUILD.toml, for editors: any table may be a target, checked by its `rule`.

    `names` are the known values of keys that a signature calls text, by rule and key. What is referred to is in the
    schema's own `$defs`, for some editors resolve nothing else.
    """
    known = sorted(rules.rules.values(), key=lambda rule: rule.name)
    below: dict[str, Any] = {}
    targets = {rule.name: _target_schema(rule, names.get(rule.name, {}), below) for rule in known}
    cases = [
        {"if": {"properties": {"rule": {"const": name}}}, "then": {"$ref": f"#/$defs/rule.{name}"}}
        for name in targets
    ]
    choice = {"enum": list(targets), "description": "the rule that makes this target"}
    table = {
        "type": "object",
        "description": "a target, when it has a rule; else a group of targets",
        "if": {"required": ["rule"], "properties": {"rule": {"type": "string"}}},
        "then": {"properties": {"rule": choice}, "allOf": cases},
        "else": {"additionalProperties": {"$ref": "#/$defs/table"}},
    }
    workspace = {
        "type": "object",
        "properties": _SETTINGS,
        "additionalProperties": False,
        "description": "makes the folder of this file the root of a workspace",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "BUILD.toml",
        "type": "object",
        "properties": {"workspace": workspace},
        "additionalProperties": {"$ref": "#/$defs/table"},
        "$defs": {"table": table}
        | {f"rule.{name}": schema for name, schema in targets.items()}
        | below,
    }


def _target_schema(
    rule: Rule, names: Mapping[str, Sequence[str]], below: dict[str, Any]
) -> dict[str, Any]:
    """The schema of one rule's table; keys of a matrix need not be written beside it. Its own tables go `below`."""
    prefix = f"rule.{rule.name}."
    made = signature(rule).table.model_json_schema(ref_template="#/$defs/" + prefix + "{model}")
    below |= {f"{prefix}{name}": schema for name, schema in made.pop("$defs", {}).items()}
    for key, schema in made.get("properties", {}).items():
        schema["description"] = _joined(meaning(rule, key), schema.get("description", ""))
        if key in names:
            schema["enum"] = list(names[key])
    made["properties"] = {
        "rule": {"const": rule.name, "description": _first(rule)},
        "matrix": _MATRIX,
        **made.get("properties", {}),
    }
    made["description"] = inspect.getdoc(rule.function) or ""
    # A table below a target may be a target of its own.
    made["additionalProperties"] = {"$ref": "#/$defs/table"}
    if required := made.pop("required", None):
        made["anyOf"] = [{"required": required}, {"required": ["matrix"]}]
    return made


def meaning(rule: Rule, key: str) -> str:
    """The meaning of a key: that of a shipped rule, or the sentence of the docstring that names it; empty without either."""
    listed = MEANINGS.get(rule.name, {}).get(key, "")
    if listed:
        return listed
    text = " ".join((inspect.getdoc(rule.function) or "").split())
    sentences = re.split(r"(?<=[.:]) (?=[A-Z`])", text)
    for one in sentences:
        clauses = re.split(
            r", (?=`)", one
        )  # "`inputs` are files, `outputs` paths" says a thing of each
        found = next((clause for clause in clauses if clause.startswith(f"`{key}`")), "")
        if found and len(clauses) > 1:
            return found
        if re.search(rf"`{re.escape(key)}\b", one):
            return one
    return ""


def _joined(*texts: str) -> str:
    return "; ".join(text.rstrip(".") for text in dict.fromkeys(texts) if text)


def _first(rule: Rule) -> str:
    return (inspect.getdoc(rule.function) or "").partition("\n")[0]


def described(rule: Rule, names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A rule for people: its docstring, what it provides, its keys with types, defaults and meanings, and an example."""
    signed = signature(rule)
    schema = signed.table.model_json_schema()
    required = signed.keys()
    keys = [
        {
            "key": key,
            "type": kind_of(schema["properties"][key], schema.get("$defs", {})),
            "required": required[key],
            "default": None if required[key] else _default(signed, key),
            "meaning": meaning(rule, key),
            "values": list(names.get(key, ())),
        }
        for key in required
    ]
    return {
        "rule": rule.name,
        "summary": _first(rule),
        "help": inspect.getdoc(rule.function) or "",
        "provides": signed.provides.__name__,
        "keys": keys,
        "example": _example(rule, keys),
    }


def _default(signed: Signature, key: str) -> str:
    """The default of a key as it would be written; empty for none."""
    parameters = inspect.signature(inspect.unwrap(signed.rule.function)).parameters.values()
    found = next(one for one in parameters if (one.name.rstrip("_") or one.name) == key)
    value, hint = found.default, str(found.annotation)
    if value is None or value in ("", ()):
        return ""
    for quantity, name in ((SIZE, "Size"), (DURATION, "Duration")):
        if name in hint and isinstance(value, int):
            return _written(quantity, value)
    if isinstance(value, bool):
        return str(value).lower()
    return (
        f'"{value}"'
        if isinstance(value, str)
        else str(value)
        if isinstance(value, (int, float))
        else ""
    )


def _written(quantity: Quantity, value: int) -> str:
    unit, size = max((one for one in quantity.units if value % one[1] == 0), key=lambda one: one[1])
    return f'"{value // size}{unit}"' if value else ""


def kind_of(schema: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    """The type of a value in words, such as "list of text"."""
    if "$ref" in schema:
        inner = tables.get(schema["$ref"].removeprefix("#/$defs/"), {})
        return f"table of {', '.join(inner.get('properties', {}))}"
    if "enum" in schema and len(schema["enum"]) < 10:
        return " or ".join(f'"{one}"' for one in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(
            kind_of(one, tables) for one in schema["anyOf"] if one.get("type") != "null"
        )
    match schema.get("type"):
        case "array":
            return f"list of {kind_of(schema.get('items', {}), tables)}"
        case "object":
            inner = schema.get("additionalProperties")
            return (
                f"table by name, each {kind_of(inner if isinstance(inner, dict) else {}, tables)}"
            )
        case "string":
            return str(schema.get("description", "text"))
    return {"integer": "whole number", "number": "number", "boolean": "true or false"}.get(
        schema.get("type", ""), "any value"
    )


def _example(rule: Rule, keys: Sequence[Mapping[str, Any]]) -> str:
    """A table of the rule: a written one of a shipped rule, else the required keys with values in the shape of their types."""
    if rule.name in EXAMPLES:
        return EXAMPLES[rule.name]
    lines = [f"[{rule.name}s.example]", f'rule = "{rule.name}"']
    return "\n".join(lines + [f"{one['key']} = {_sample(one)}" for one in keys if one["required"]])


def _sample(key: Mapping[str, Any]) -> str:
    kind, name = str(key["type"]), str(key["key"])
    if key["values"]:
        return f'"{key["values"][0]}"'
    if kind.startswith("list"):
        return (
            '["src/**"]'
            if "glob" in kind
            else '["//package:name"]'
            if "label" in kind
            else '["..."]'
        )
    if kind.startswith("table by"):
        return '{ name = "//package:name" }' if "label" in kind else '{ name = "..." }'
    if kind.startswith("table"):
        return "{ ... }"
    samples = {"whole number": "1", "number": "1.0", "true or false": "true"}
    text = (
        '"//package:name"'
        if kind.startswith("a label")
        else f'"{name}.txt"'
        if "file" in kind
        else '"..."'
    )
    return samples.get(kind, kind.partition(" or ")[0] if kind.startswith('"') else text)
