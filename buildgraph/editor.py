"""JSON Schema of BUILD.toml for editors, read off the same signatures that check it."""
from __future__ import annotations

import inspect
from typing import Any

from .declare import Registry, Rule
from .schema import signature


def json_schema(rules: Registry) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of BUILD.toml, for editors: any table may be a target, checked by its `rule`."""
    known = sorted(rules.rules.values(), key=lambda rule: rule.name)
    targets = {rule.name: _target_schema(rule) for rule in known}
    settings = {"name": {"type": "string"}, "checked": {"type": "boolean"},
                "rules": {"type": "array", "items": {"type": "string", "pattern": r"\.py$"}}}
    cases = [{"if": {"properties": {"rule": {"const": name}}}, "then": {"$ref": f"rule/{name}"}} for name in targets]
    table = {"type": "object", "if": {"required": ["rule"], "properties": {"rule": {"type": "string"}}},
             "then": {"properties": {"rule": {"enum": list(targets)}}, "allOf": cases},
             "else": {"additionalProperties": {"$ref": "#/$defs/table"}}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "BUILD.toml", "type": "object",
            "properties": {"workspace": {"type": "object", "properties": settings, "additionalProperties": False}},
            "additionalProperties": {"$ref": "#/$defs/table"},
            "$defs": {"table": table} | {f"rule.{name}": schema for name, schema in targets.items()}}


def _target_schema(rule: Rule) -> dict[str, Any]:
    """The schema of one rule's table; keys of a matrix need not be written beside it."""
    made = signature(rule).table.model_json_schema()
    made["properties"] = {"rule": {"const": rule.name}, "matrix": {"type": "object"}, **made.get("properties", {})}
    made["description"] = inspect.getdoc(rule.function) or ""
    # A target within a target is a table with a rule of its own.
    made["additionalProperties"] = {"type": "object", "required": ["rule"]}
    if required := made.pop("required", None):
        made["anyOf"] = [{"required": required}, {"required": ["matrix"]}]
    # A schema with an $id is a document of its own, so that its references to its own $defs hold.
    made["$id"] = f"rule/{rule.name}"
    return made
