"""The page `reference/rules.md`, from the signatures and docstrings of the rules."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from buildgraph.analysis.builtin_rules import builtin_rules
from buildgraph.analysis.rule_api import Rule
from buildgraph.analysis.rule_help import describe_rule, describe_type
from buildgraph.analysis.rule_schema import schema_of
from buildgraph.cli.verbs.schema import known_names
from tests.support.markdown import block, code, page, table

_ORDER = (
    "model",
    "coalition",
    "hardware",
    "export",
    "index",
    "firmware",
    "command",
    "files",
    "gate",
    "group",
)
_WORKSPACE = [
    ("name", "text", "that of its folder", "the name of the workspace; images are named after it"),
    ("rules", "list of text", "", "files of rules of the workspace, such as `tools/my_rules.py`"),
]


def rules_page() -> str:
    """Every shipped rule with its keys."""
    rules = builtin_rules().rules
    names = [*(name for name in _ORDER if name in rules), *sorted(rules.keys() - set(_ORDER))]
    summary = [
        (f"[`{name}`](#{name})", describe_rule(rules[name], {})["summary"]) for name in names
    ]
    return page(
        "Rules",
        "A table of `BUILD.toml` with a key `rule` is a target. The other keys are those of its "
        "rule. `buildgraph help RULE` shows the same in the terminal, with the rules of your "
        "workspace included.",
        table(("rule", "summary"), summary),
        *(part for name in names for part in _rule(rules[name])),
        "## Keys of every rule",
        table(
            ("key", "type", "default", "meaning"),
            [
                ("`rule`", "text", "required", "the rule that makes the target"),
                (
                    "`matrix`",
                    "table of lists",
                    "",
                    "a target for each combination of the values; a list holds values, labels or "
                    "patterns",
                ),
            ],
        ),
        "## The table `[workspace]`",
        "It makes the folder of its `BUILD.toml` the root of a workspace.",
        table(
            ("key", "type", "default", "meaning"), [(code(row[0]), *row[1:]) for row in _WORKSPACE]
        ),
    )


def _rule(rule: Rule) -> Iterator[str]:
    known = describe_rule(rule, known_names().get(rule.name, {}))
    signed = schema_of(rule)
    yield f"## {rule.name}"
    yield str(known["help"])
    yield table(("key", "type", "default", "meaning"), [_key(key) for key in known["keys"]])
    tables = dict(_tables(rule))
    schema = signed.table.model_json_schema()
    for key, inner in tables.items():
        yield f"Keys of `{key}`:"
        yield table(
            ("key", "type", "default"),
            [
                (
                    code(field.name),
                    _kind(schema, key, field.name),
                    "required"
                    if field.default is MISSING
                    else code(_text(field.default, _kind(schema, key, field.name))),
                )
                for field in fields(inner)
            ],
        )
    yield block("toml fragment", str(known["example"]))
    yield f"A label of such a target provides `{known['provides']}`: {_sentence(signed.provides)}"


def _key(key: Mapping[str, Any]) -> tuple[str, str, str, str]:
    default = "required" if key["required"] else code(key["default"] or "")
    kind = (
        "table"
        if str(key["type"]).startswith("table of ")
        else str(key["type"]).replace(" or table of ", " or table; ")
    )
    meaning = str(key["meaning"])
    if key["values"]:
        meaning += f"; one of {', '.join(key['values'])}"
    return code(key["key"]), kind.partition(";")[0], default, meaning


def _tables(rule: Rule) -> Iterator[tuple[str, type[Any]]]:
    """(key, dataclass) of each key whose value is a table with keys of its own."""
    function = inspect.unwrap(rule.function)
    hints = get_type_hints(function, include_extras=True)
    for name in list(inspect.signature(function).parameters)[1:]:
        table_class = _dataclass(hints[name])
        if table_class is not None:
            yield name.rstrip("_") or name, table_class


def _dataclass(hint: Any) -> type[Any] | None:
    """The plain dataclass within a type: of an option, or of the values of a dict.

    Providers are labels, not tables.
    """
    if (
        isinstance(hint, type)
        and is_dataclass(hint)
        and hint.__module__.startswith("buildgraph.rules")
    ):
        return None if hasattr(hint, "outputs") else hint
    return next(
        (table_class for arg in get_args(hint) if (table_class := _dataclass(arg)) is not None),
        None,
    )


def _kind(schema: Mapping[str, Any], key: str, inner: str) -> str:
    """The type of a key of an inner table, as the schema of the rule has it."""
    tables = schema.get("$defs", {})
    schemas = (
        table
        for table in _referred(schema["properties"][key], tables)
        if inner in table.get("properties", {})
    )
    return describe_type(next(schemas)["properties"][inner], tables)


def _referred(schema: Any, tables: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield tables[schema["$ref"].rpartition("/")[2]]
        for value in schema.values():
            yield from _referred(value, tables)
    elif isinstance(schema, list):
        for value in schema:
            yield from _referred(value, tables)


def _text(value: object, kind: str) -> str:
    """A default as it is written in BUILD.toml; empty for none, such as a limit of 0."""
    if value == 0 and kind.startswith(("a size", "a duration")):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else f'"{value}"' if isinstance(value, str) else str(value)


def _sentence(provider: type[Any]) -> str:
    text = " ".join((inspect.getdoc(provider) or "").partition("\n\n")[0].split())
    return text[:1].lower() + text[1:] if text[1:2].islower() or text.startswith("A ") else text
