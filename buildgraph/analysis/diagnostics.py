"""Errors in a target's table, described in terms of BUILD.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..types.errors import BuildError, BuildErrors, did_you_mean
from ..types.target import Target
from ..workspace.toml_positions import KEY, Path


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """An error that the schema reports: pydantic's type, place, message and input of it.

    `expected` are the values that it allows. `error` is set if our own code found the mistake.
    """

    kind: str
    path: Path
    message: str
    value: object
    expected: str
    error: BuildError | None


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def to_error(target: Target, mistake: Mistake, keys: Mapping[str, bool]) -> BuildError:
    """Return a mistake as an error at its place.

    `keys` are the keys of the table that contains it; the value is True for required ones.
    """
    path, name = mistake.path, f"{target.label}: {dotted_key(mistake.path)}"
    if mistake.error is not None:
        return _own_error(target, path, mistake.error)
    if mistake.kind == "extra_forbidden":
        return _unknown_key(target, mistake, keys)
    if mistake.kind == "missing":
        needed = ", ".join(key for key, required in keys.items() if required)
        return BuildError(
            f"{target.label}: the key {dotted_key(path)!r} is missing",
            target.place(*path[:-1]),
            f"{target.rule if len(path) == 1 else 'it'} needs {needed}",
            "missing-key",
        )
    what, fix = _describe(mistake)
    return BuildError(f"{name} {what}", target.place(*path), fix, "value")


def _unknown_key(target: Target, mistake: Mistake, keys: Mapping[str, bool]) -> BuildError:
    path, value = mistake.path, mistake.value
    if isinstance(value, dict) and isinstance(value.get("rule"), str):
        fix = "a target below a target needs a header of its own, such as [a.b]"
    else:
        allowed = f"it may have {', '.join(keys)}" if keys else "it has no keys"
        fix = did_you_mean(str(path[-1]) if path else "", keys) or allowed
    what = f"{target.label}: unknown key {dotted_key(path)!r}"
    return BuildError(what, target.place(*path, KEY), fix, "key")


def ambiguity_error(target: Target, path: Path) -> BuildError:
    """Return the error for a table that could be a target or a value of the target above it."""
    package = target.label.package.removeprefix(target.folder).strip("/").replace("/", ".")
    table = ".".join([*([package] if package else []), target.label.name, *map(str, path)])
    return BuildError(
        f"[{table}] has a rule, so it is a target, but {path[0]!r} is also a key of {target.label}",
        target.place(*path),
        f"for a value, write {path[0]} = {{ ... }} in the table of {target.label} "
        f"({target.place()}); for a target, rename it",
        "value",
    )


def _describe(mistake: Mistake) -> tuple[str, str]:
    """Return (message without the key, help)."""
    value = format_value(mistake.value)
    if mistake.kind in _EXPECTED:
        is_list = mistake.kind in ("tuple_type", "list_type") and isinstance(mistake.value, str)
        fix = f'write ["{mistake.value}"]' if is_list else ""
        return f"must be {_EXPECTED[mistake.kind]}, not {value}", fix
    if mistake.kind == "literal_error":
        known = re.findall(r"'([^']*)'", mistake.expected)
        fix = did_you_mean(mistake.value, known) if isinstance(mistake.value, str) else ""
        return f"must be {mistake.expected}, not {value}", fix
    if mistake.kind == "buildgraph":
        return mistake.message, ""
    return f"is {value}: {mistake.message[:1].lower()}{mistake.message[1:]}", ""


def _own_error(target: Target, path: Path, error: BuildError) -> BuildError:
    """Add the place of a label, path or glob to its error.

    A message that begins with `must be` or `is` continues the name of the key.
    """
    if isinstance(error, BuildErrors):
        return error
    what = error.what
    if what.startswith(("must be ", "is ")):
        what = f"{target.label}: {dotted_key(path)} {what}"
    return BuildError(what, error.at or target.place(*path), error.fix, error.reason)


def dotted_key(path: Path) -> str:
    """Format a path as in a message: `links[0].from`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def format_value(value: object) -> str:
    """Describe a value for a message, such as `the text 'x'` or `a list`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else str(value)
