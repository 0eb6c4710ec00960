"""JSON Schema of BUILD.toml for editors, from the schemas that check tables."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from ..workspace.release_settings import LEVELS
from .rule_api import Registry, Rule
from .rule_help import key_description, summary
from .rule_schema import schema_of

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
    "release": {
        "type": "object",
        "additionalProperties": False,
        "description": "what `buildgraph release` requires, and states in images",
        "properties": {
            "sandbox": {
                "enum": list(LEVELS),
                "description": "the weakest sandbox level of results (default: landlock)",
            },
            "unchecked": {
                "type": "array",
                "items": {"type": "string"},
                "description": 'gates that may be "not checked", such as step_p99',
            },
            "source": {"type": "string", "description": "the address of the repository"},
            "licenses": {"type": "string", "description": "an SPDX expression"},
        },
    },
    "trust": {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"},
        "additionalProperties": {
            "oneOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        },
        "description": "public keys whose results in a shared cache builds use, by domain: paths "
        "such as keys/main.pub, or the keys themselves",
    },
}
_MATRIX = {
    "type": "object",
    "additionalProperties": {"type": "array"},
    "description": "a target for each combination of values: maps keys to lists of values, labels "
    "or patterns",
}


def json_schema(
    rules: Registry, names: Mapping[str, Mapping[str, Sequence[str]]]
) -> dict[str, Any]:
    """Return the JSON Schema of BUILD.toml: any table may be a target, checked by its `rule`.

    `names` has the known values of text keys, by rule and key. All definitions are in the schema's
    own `$defs`: some editors resolve no other references. Raises BuildError for a rule whose
    parameters BUILD.toml cannot express.
    """
    known = sorted(rules.rules.values(), key=lambda rule: rule.name)
    definitions: dict[str, Any] = {}
    targets = {
        rule.name: _target_schema(rule, names.get(rule.name, {}), definitions) for rule in known
    }
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
        | definitions,
    }


def _target_schema(
    rule: Rule, names: Mapping[str, Sequence[str]], definitions: dict[str, Any]
) -> dict[str, Any]:
    """Return the schema of one rule's table, and add its nested tables to `definitions`.

    A required key may be missing if the table has a matrix, because the matrix may provide it.
    """
    prefix = f"rule.{rule.name}."
    table = schema_of(rule).table
    schema = table.model_json_schema(ref_template="#/$defs/" + prefix + "{model}")
    nested = schema.pop("$defs", {})
    definitions |= {f"{prefix}{name}": definition for name, definition in nested.items()}
    properties = schema.get("properties", {})
    for key, value in properties.items():
        value["description"] = _join(key_description(rule, key), value.get("description", ""))
        if key in names:
            value["enum"] = list(names[key])
    schema["properties"] = {
        "rule": {"const": rule.name, "description": summary(rule)},
        "matrix": _MATRIX,
        **properties,
    }
    schema["description"] = inspect.getdoc(rule.function) or ""
    # A table below a target may be a target of its own.
    schema["additionalProperties"] = {"$ref": "#/$defs/table"}
    if required := schema.pop("required", None):
        schema["anyOf"] = [{"required": required}, {"required": ["matrix"]}]
    return schema


def _join(*texts: str) -> str:
    return "; ".join(text.rstrip(".") for text in dict.fromkeys(texts) if text)
