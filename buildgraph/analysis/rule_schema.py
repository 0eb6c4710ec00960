"""A rule's signature as the schema of its tables: the door to pydantic, opened when a table is checked.

A table is checked in one go; where a label or a file was written it gives the placeholders of `pending`.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import pydantic
from pydantic_core import PydanticCustomError

from ..types.action import Artifact, Source
from ..types.errors import BuildError
from ..types.label import Label
from ..types.provider import Provider
from ..types.quantities import DURATION, SIZE, Duration, Quantity, Size
from ..workspace.toml_positions import Path
from .diagnostics import Mistake, format_value
from .placeholders import CheckedTable, FileRefs, GlobResult, LabelRef, LabelRefs
from .rule_api import Globs, Rule

Kinds: TypeAlias = tuple[type[Provider], ...]
_LABEL, _LABELS = (
    rf"^{sign}(//|:)[A-Za-z0-9._+/:*-]*$" for sign in ("", "-?")
)  # of labels and patterns, for editors


class Scope:
    """What a table's texts mean where it stands; the methods raise BuildError without a place."""

    def labels(self, text: str, kinds: Kinds) -> LabelRefs:
        """The targets that a label or pattern names, which provide one of `kinds`."""
        raise NotImplementedError

    def artifact(self, text: str) -> LabelRef | FileRefs:
        """The artifact that a path or a label means."""
        raise NotImplementedError

    def files(self, glob: str) -> FileRefs:
        """The files that a glob finds."""
        raise NotImplementedError

    def label(self, text: str) -> Label:
        """A label that is only a name."""
        raise NotImplementedError


class Table(pydantic.BaseModel):
    """A checked table. Fields are called `f_` and the parameter's name, for pydantic reserves names of its own."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """The schema of one rule: its table and what it provides."""

    rule: Rule
    table: type[Table]
    provides: type[Provider]

    def check(self, values: dict[str, Any], scope: Scope) -> CheckedTable | list[Mistake]:
        """The values of a table with placeholders for what stands outside it, or every mistake in them."""
        try:
            return _made(self.rule.function, self.table.model_validate(values, context=scope))
        except pydantic.ValidationError as error:
            return [self._mistake(one) for one in error.errors(include_url=False)]

    def keys(self, path: Path = ()) -> dict[str, bool]:
        """The keys of the table at a path, and whether each is required; empty when there is no such table."""
        table: Any = self.table
        for part in path:
            fields_of = (
                {field.alias: field for field in table.model_fields.values()}
                if _is_table(table)
                else {}
            )
            table = _table_in(fields_of[part].annotation if part in fields_of else table)
        return (
            {str(f.alias): f.is_required() for f in table.model_fields.values()}
            if _is_table(table)
            else {}
        )

    def _mistake(self, error: Any) -> Mistake:
        context = error.get("ctx", {})
        return Mistake(
            error["type"],
            tuple(error["loc"]),
            error["msg"],
            error["input"],
            context.get("expected", ""),
            context.get("fault"),
        )


def _is_table(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Table)


def _table_in(hint: Any) -> Any:
    """The first table within the type of a field: of an option, the entries of a list, the values of a dict."""
    if _is_table(hint):
        return hint
    return next((found for arg in get_args(hint) if _is_table(found := _table_in(arg))), None)


def signature(rule: Rule) -> Signature:
    """Read the schema off a rule; BuildError when a parameter's type cannot be written in BUILD.toml."""
    function = inspect.unwrap(rule.function)
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise BuildError(f"rule {rule.name!r}: {error}", reason="rule") from error
    provides = hints.pop("return", None)
    if not _is_provider(provides):
        raise BuildError(
            f"rule {rule.name!r} must return a Provider",
            fix="write -> and its class",
            reason="rule",
        )
    parameters = list(inspect.signature(function).parameters.values())[1:]
    entries = {p.name: (hints.get(p.name, Any), p.default is not p.empty) for p in parameters}
    try:
        return Signature(rule, _table(rule.name, entries), provides)
    except TypeError as error:
        raise BuildError(f"rule {rule.name!r}: {error}", reason="rule") from error


def _table(name: str, entries: Mapping[str, tuple[Any, bool]]) -> type[Table]:
    made: dict[str, Any] = {}
    for entry, (hint, optional) in entries.items():
        key = entry.rstrip("_") or entry
        shape = _shape(hint)
        made[f"f_{entry}"] = (
            (shape, pydantic.Field(alias=key, default_factory=_absent))
            if optional
            else (shape, pydantic.Field(alias=key))
        )
    return pydantic.create_model(name, __base__=Table, **made)


def _absent() -> None:
    return None


def _is_provider(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Provider)


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _kinds(hint: Any) -> Kinds:
    """The provider classes of a type made of nothing else, or nothing."""
    members = _members(hint)
    return members if all(map(_is_provider, members)) else ()


def _shape(hint: Any) -> Any:
    """The pydantic type of what stands in BUILD.toml for a parameter of a type."""
    leaf = _leaf(hint)
    if leaf is not None:
        return leaf
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        present = tuple(arg for arg in args if arg is not types.NoneType)
        inner = _shape(Union[present])
        return (
            Union[inner, None] if len(present) < len(args) else Union[tuple(map(_shape, present))]
        )
    if origin is Annotated:
        return Annotated[(_shape(args[0]), *args[1:])]
    if origin is Literal or hint in (Any, object):
        return Any if hint is object else hint
    if origin is tuple:
        return _tuple(args)
    if origin in (dict, Mapping) and args[0] is str:
        return dict.__class_getitem__((str, _shape(args[1])))
    if isinstance(hint, NewType):
        return _shape(hint.__supertype__)
    raise TypeError(
        f"a parameter of type {getattr(hint, '__name__', hint)} cannot be written in BUILD.toml"
    )


def _tuple(args: tuple[Any, ...]) -> Any:
    if len(args) != 2 or args[1] is not ...:
        return tuple.__class_getitem__(tuple(_shape(arg) for arg in args))
    kinds = _kinds(args[0])
    if not kinds:
        return _list_of(_shape(args[0]))
    return _list_of(
        _text(
            lambda scope, text: scope.labels(text, kinds), "a label or a pattern of labels", _LABELS
        )
    )


def _list_of(shape: Any) -> Any:
    return tuple.__class_getitem__((shape, ...))


def _leaf(hint: Any) -> Any:
    """The shape of a type that is written as one value, or None."""
    if kinds := _kinds(hint):
        return _text(lambda scope, text: _single(scope, text, kinds), "a label", _LABEL)
    if hint in (Size, Duration):
        return _quantity(SIZE if hint is Size else DURATION)
    if hint in (str, int, bool, float):
        return Annotated[hint, pydantic.Strict()]
    if hint is Label:
        return _text(lambda scope, text: scope.label(text), "a label", _LABEL)
    if hint is Source:
        return _text(_source, "the path of a file")
    if hint is Artifact:
        return _text(lambda scope, text: scope.artifact(text), "the path of a file, or a label")
    if hint is Globs:
        globs = _list_of(_text(lambda scope, text: scope.files(text), "a glob"))
        return Annotated[globs, pydantic.AfterValidator(GlobResult)]
    if isinstance(hint, type) and is_dataclass(hint):
        return _nested(hint)
    return None


def _text(read: Callable[[Any, str], object], what: str, pattern: str = "") -> Any:
    """A leaf written as text, whose meaning the scope knows; `pattern` is for editors, and allows all that may be meant."""

    def check(value: object, info: pydantic.ValidationInfo) -> object:
        if not isinstance(value, str):
            raise _fault(f"wants {what}, as text, not {format_value(value)}")
        try:
            return read(info.context, value)
        except BuildError as error:
            raise PydanticCustomError(
                "buildgraph", "{what}", {"what": error.what, "fault": error}
            ) from None

    schema = {"type": "string", "description": what} | ({"pattern": pattern} if pattern else {})
    return Annotated[Any, pydantic.PlainValidator(check), pydantic.WithJsonSchema(schema)]


def _quantity(quantity: Quantity) -> Any:
    def check(value: object) -> int:
        try:
            return quantity.parse(value)
        except ValueError as error:
            raise _fault(f"is {format_value(value)}: {error}") from None

    units = "|".join(name for name, _ in quantity.units)
    schema = {
        "type": "string",
        "examples": [quantity.example],
        "description": f"a {quantity.kind}, such as {quantity.example}",
        "pattern": rf"^[0-9]{{1,15}}(\.[0-9]{{1,9}})? ?({units})$",
    }
    return Annotated[Any, pydantic.PlainValidator(check), pydantic.WithJsonSchema(schema)]


def _fault(what: str) -> PydanticCustomError:
    return PydanticCustomError("buildgraph", "{what}", {"what": what})


def _single(scope: Scope, text: str, kinds: Kinds) -> LabelRef:
    found = scope.labels(text, kinds)
    if found.negative or len(found.refs) != 1:
        raise BuildError(
            f"wants one target, and {text} is a pattern of {len(found.refs)}",
            fix="name one of them",
        )
    return found.refs[0]


def _source(scope: Scope, text: str) -> FileRefs:
    found = scope.artifact(text)
    if not isinstance(found, FileRefs):
        raise BuildError(
            "wants the path of a file, not a label",
            fix="a path is relative to the folder of BUILD.toml",
        )
    return found


def _nested(hint: type[Any]) -> Any:
    """The table of a frozen dataclass; a bare label, or one of some words, is short for a table with only its first field."""
    hints = get_type_hints(hint, include_extras=True)
    entries = {
        field.name: (hints[field.name], _optional(field)) for field in fields(hint) if field.init
    }
    table = _table(hint.__name__, entries)
    table.__doc__ = inspect.getdoc(hint)
    first = next(iter(entries), "")
    words = hints[first] if first and get_origin(hints[first]) is Literal else None
    if (
        not first
        or not (words or _kinds(hints[first]))
        or not all(optional for _, optional in list(entries.values())[1:])
    ):
        return Annotated[table, pydantic.AfterValidator(lambda table: _made(hint, table))]

    label = Annotated[str, pydantic.Field(pattern=_LABEL, description="a label")]

    def long(value: object) -> object:
        return {first.rstrip("_"): value} if isinstance(value, str) else value

    short = pydantic.BeforeValidator(long, json_schema_input_type=Union[words or label, table])
    return Annotated[table, short, pydantic.AfterValidator(lambda table: _made(hint, table))]


def _optional(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _made(kind: Callable[..., Any], table: Table) -> CheckedTable:
    written = [
        (name, field)
        for name, field in type(table).model_fields.items()
        if name in table.model_fields_set
    ]
    names = [(str(field.alias), name) for name, field in written]
    return CheckedTable(kind, tuple((key, name[2:], getattr(table, name)) for key, name in names))
