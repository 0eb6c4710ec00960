"""The schema of a rule's tables, read from the signature of the rule.

This is the only module that imports pydantic. A table is checked in one pass; labels and files in
it become placeholders (`placeholders.py`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import NoneType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import pydantic
from pydantic_core import PydanticCustomError

from ..types.action import Artifact, Source
from ..types.errors import BuildError
from ..types.label import Label
from ..types.provider import Provider
from ..types.quantities import DURATION, SIZE, Duration, Quantity, Size
from ..workspace.toml_positions import Path
from .diagnostics import Mistake, format_value
from .placeholders import CheckedTable, GlobResult
from .rule_api import Globs, Rule
from .scope import Scope, single_target, source_file
from .type_hints import is_dataclass_type, is_optional, is_provider, is_union, provider_kinds

# Patterns for editors: of a label, and of a label or pattern that may be negative.
_LABEL, _LABELS = (rf"^{sign}(//|:)[A-Za-z0-9._+/:*-]*$" for sign in ("", "-?"))


class Table(pydantic.BaseModel):
    """A checked table. Its fields are `f_` + the parameter's name: pydantic reserves some names."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, eq=False)
class RuleSchema:
    """The schema of a rule: its table, and the provider class that it returns."""

    rule: Rule
    table: type[Table]
    provides: type[Provider]

    def check(self, values: dict[str, Any], scope: Scope) -> CheckedTable | list[Mistake]:
        """Return the checked table, or every mistake in it."""
        try:
            table = self.table.model_validate(values, context=scope)
        except pydantic.ValidationError as error:
            return [_mistake(details) for details in error.errors(include_url=False)]
        return _checked_table(self.rule.function, table)

    def keys(self, path: Path = ()) -> dict[str, bool]:
        """Return the keys of the table at a path, True for required ones; empty if no table."""
        table: Any = self.table
        for part in path:
            by_key = (
                {field.alias: field for field in table.model_fields.values()}
                if _is_table(table)
                else {}
            )
            table = _find_table(by_key[part].annotation if part in by_key else table)
        if not _is_table(table):
            return {}
        return {str(field.alias): field.is_required() for field in table.model_fields.values()}


def _mistake(details: Any) -> Mistake:
    context = details.get("ctx", {})
    return Mistake(
        details["type"],
        tuple(details["loc"]),
        details["msg"],
        details["input"],
        context.get("expected", ""),
        context.get("error"),
    )


def _is_table(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Table)


def _find_table(hint: Any) -> Any:
    """Return the first table within a type: of an option, a list's entries, a dict's values."""
    if _is_table(hint):
        return hint
    return next((table for arg in get_args(hint) if _is_table(table := _find_table(arg))), None)


def schema_of(rule: Rule) -> RuleSchema:
    """Read the schema of a rule; raise BuildError for a type that BUILD.toml cannot express."""
    function = inspect.unwrap(rule.function)
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise BuildError(f"rule {rule.name!r}: {error}", reason="rule") from error
    provides = hints.pop("return", None)
    if not is_provider(provides):
        raise BuildError(
            f"rule {rule.name!r} must return a Provider",
            fix="write -> and its class",
            reason="rule",
        )
    parameters = list(inspect.signature(function).parameters.values())[1:]
    entries = {p.name: (hints.get(p.name, Any), p.default is not p.empty) for p in parameters}
    try:
        return RuleSchema(rule, _create_table(rule.name, entries), provides)
    except TypeError as error:
        raise BuildError(f"rule {rule.name!r}: {error}", reason="rule") from error


def _create_table(name: str, entries: Mapping[str, tuple[Any, bool]]) -> type[Table]:
    """Create the model of a table from name -> (type, is optional)."""
    model_fields: dict[str, Any] = {}
    for entry, (hint, optional) in entries.items():
        key = entry.rstrip("_") or entry
        field = (
            pydantic.Field(alias=key, default_factory=lambda: None)
            if optional
            else pydantic.Field(alias=key)
        )
        model_fields[f"f_{entry}"] = (_toml_type(hint), field)
    return pydantic.create_model(name, __base__=Table, **model_fields)


def _toml_type(hint: Any) -> Any:
    """Return the pydantic type of the TOML value for a parameter; raise TypeError if none fits."""
    scalar = _scalar_type(hint)
    if scalar is not None:
        return scalar
    origin, args = get_origin(hint), get_args(hint)
    if is_union(hint):
        present = tuple(arg for arg in args if arg is not NoneType)
        if len(present) == len(args):
            return Union[tuple(map(_toml_type, present))]
        return Union[_toml_type(Union[present]), None]
    if origin is Annotated:
        return Annotated[(_toml_type(args[0]), *args[1:])]
    if origin is Literal or hint in (Any, object):
        return Any if hint is object else hint
    if origin is tuple:
        return _list_type(args)
    if origin in (dict, Mapping) and args[0] is str:
        return dict.__class_getitem__((str, _toml_type(args[1])))
    if isinstance(hint, NewType):
        return _toml_type(hint.__supertype__)
    raise TypeError(
        f"a parameter of type {getattr(hint, '__name__', hint)} cannot be written in BUILD.toml"
    )


def _list_type(args: tuple[Any, ...]) -> Any:
    if len(args) != 2 or args[1] is not ...:
        return tuple.__class_getitem__(tuple(_toml_type(arg) for arg in args))
    kinds = provider_kinds(args[0])
    if not kinds:
        return _list_of(_toml_type(args[0]))
    description = "a label or a pattern of labels"
    return _list_of(_text(lambda scope, text: scope.labels(text, kinds), description, _LABELS))


def _list_of(entry: Any) -> Any:
    return tuple.__class_getitem__((entry, ...))


def _scalar_type(hint: Any) -> Any:
    """Return the type of a parameter that is written as one value or table; None for others."""
    if kinds := provider_kinds(hint):
        return _text(lambda scope, text: single_target(scope, text, kinds), "a label", _LABEL)
    if hint in (Size, Duration):
        return _quantity(SIZE if hint is Size else DURATION)
    if hint in (str, int, bool, float):
        return Annotated[hint, pydantic.Strict()]
    if hint is Label:
        return _text(lambda scope, text: scope.label(text), "a label", _LABEL)
    if hint is Source:
        return _text(source_file, "the path of a file")
    if hint is Artifact:
        return _text(lambda scope, text: scope.artifact(text), "the path of a file, or a label")
    if hint is Globs:
        globs = _list_of(_text(lambda scope, text: scope.files(text), "a glob"))
        return Annotated[globs, pydantic.AfterValidator(GlobResult)]
    if is_dataclass_type(hint):
        return _table_type(hint)
    return None


def _text(read: Callable[[Any, str], object], description: str, pattern: str = "") -> Any:
    """Return the type of a text that the scope resolves; `pattern` is a regex for editors."""

    def check(value: object, info: pydantic.ValidationInfo) -> object:
        if not isinstance(value, str):
            raise _error(f"must be {description}, as text, not {format_value(value)}")
        try:
            return read(info.context, value)
        except BuildError as error:
            context = {"what": error.what, "error": error}
            raise PydanticCustomError("buildgraph", "{what}", context) from None

    schema = {"type": "string", "description": description}
    if pattern:
        schema["pattern"] = pattern
    return Annotated[Any, pydantic.PlainValidator(check), pydantic.WithJsonSchema(schema)]


def _quantity(quantity: Quantity) -> Any:
    def check(value: object) -> int:
        try:
            return quantity.parse(value)
        except ValueError as error:
            raise _error(f"is {format_value(value)}: {error}") from None

    units = "|".join(name for name, _ in quantity.units)
    schema = {
        "type": "string",
        "examples": [quantity.example],
        "description": f"a {quantity.kind}, such as {quantity.example}",
        "pattern": rf"^[0-9]{{1,15}}(\.[0-9]{{1,9}})? ?({units})$",
    }
    return Annotated[Any, pydantic.PlainValidator(check), pydantic.WithJsonSchema(schema)]


def _error(what: str) -> PydanticCustomError:
    return PydanticCustomError("buildgraph", "{what}", {"what": what})


def _table_type(hint: type[Any]) -> Any:
    """Return the type of a table that becomes a frozen dataclass.

    If the first field is a label or one of some words, and the others are optional, that value may
    be written instead of the table.
    """
    hints = get_type_hints(hint, include_extras=True)
    entries = {
        field.name: (hints[field.name], is_optional(field)) for field in fields(hint) if field.init
    }
    table = _create_table(hint.__name__, entries)
    table.__doc__ = inspect.getdoc(hint)
    convert = pydantic.AfterValidator(lambda table: _checked_table(hint, table))
    first = next(iter(entries), "")
    words = hints[first] if first and get_origin(hints[first]) is Literal else None
    others_are_optional = all(optional for _, optional in list(entries.values())[1:])
    if not first or not (words or provider_kinds(hints[first])) or not others_are_optional:
        return Annotated[table, convert]

    def expand(value: object) -> object:
        return {first.rstrip("_"): value} if isinstance(value, str) else value

    label = Annotated[str, pydantic.Field(pattern=_LABEL, description="a label")]
    short = pydantic.BeforeValidator(expand, json_schema_input_type=Union[words or label, table])
    return Annotated[table, short, convert]


def _checked_table(kind: Callable[..., Any], table: Table) -> CheckedTable:
    """Return the entries of a table that were written; others keep the defaults of `kind`."""
    entries = [
        (str(field.alias), name.removeprefix("f_"), getattr(table, name))
        for name, field in type(table).model_fields.items()
        if name in table.model_fields_set
    ]
    return CheckedTable(kind, tuple(entries))
