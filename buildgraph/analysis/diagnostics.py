"""What is wrong in a target's table, in the words of its author."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..types.errors import BuildError, BuildErrors, did_you_mean
from ..types.target import Target
from ..workspace.toml_positions import KEY, Path


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """One fault of a table as the schema found it: kind, path, message, input, what was expected; or our own fault."""

    kind: str
    path: Path
    message: str
    given: object
    expected: str
    fault: BuildError | None


EXPECTED = {
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
    """A mistake as a fault at its place; `keys` are those of the table it is in, and whether each is required."""
    path, key = mistake.path, str(mistake.path[-1]) if mistake.path else ""
    if mistake.fault is not None:
        return _own(target, path, mistake.fault)
    if mistake.kind == "extra_forbidden":
        if isinstance(mistake.given, dict) and isinstance(mistake.given.get("rule"), str):
            return BuildError(
                f"{target.label}: unknown key {dotted_key(path)!r}",
                target.place(*path, KEY),
                "a target below a target needs a header of its own, such as [a.b]",
                "key",
            )
        hint = did_you_mean(key, keys) or (
            f"it may have {', '.join(keys)}" if keys else "it has no keys"
        )
        return BuildError(
            f"{target.label}: unknown key {dotted_key(path)!r}",
            target.place(*path, KEY),
            hint,
            "key",
        )
    if mistake.kind == "missing":
        need = [name for name, required in keys.items() if required]
        return BuildError(
            f"{target.label}: the key {dotted_key(path)!r} is missing",
            target.place(*path[:-1]),
            f"{target.rule} needs {', '.join(need)}"
            if len(path) == 1
            else f"it needs {', '.join(need)}",
            "missing-key",
        )
    what, fix = _said(mistake)
    return BuildError(
        f"{target.label}: {dotted_key(path)} {what}", target.place(*path), fix, "value"
    )


def ambiguity_error(target: Target, path: Path) -> BuildError:
    """A table below a target has a rule, and its name is a key of the target's own rule: it could be either."""
    own = [
        *filter(
            None, [target.label.package.removeprefix(target.folder).strip("/").replace("/", ".")]
        ),
        target.label.name,
    ]
    table = ".".join([*own, *map(str, path)])
    return BuildError(
        f"[{table}] has a rule, so it is a target, but {path[0]!r} is also a key of {target.label}",
        target.place(*path),
        f"for a value, write {path[0]} = {{ ... }} in the table of {target.label} "
        f"({target.place()}); for a target, rename it",
        "value",
    )


def _said(mistake: Mistake) -> tuple[str, str]:
    if mistake.kind in EXPECTED:
        listed = mistake.kind in ("tuple_type", "list_type") and isinstance(mistake.given, str)
        fix = f'write ["{mistake.given}"]' if listed else ""
        return f"wants {EXPECTED[mistake.kind]}, not {format_value(mistake.given)}", fix
    if mistake.kind == "literal_error":
        known = re.findall(r"'([^']*)'", mistake.expected)
        hint = did_you_mean(mistake.given, known) if isinstance(mistake.given, str) else ""
        return f"wants {mistake.expected}, not {format_value(mistake.given)}", hint
    if mistake.kind == "buildgraph":
        return mistake.message, ""
    return (
        f"is {format_value(mistake.given)}: {mistake.message[:1].lower()}{mistake.message[1:]}",
        "",
    )


def _own(target: Target, path: Path, fault: BuildError) -> BuildError:
    """A fault that a label, a path or a glob has; `wants ...` continues the name of the key."""
    if isinstance(fault, BuildErrors):
        return fault
    what = (
        f"{target.label}: {dotted_key(path)} {fault.what}"
        if fault.what.startswith(("wants ", "is "))
        else fault.what
    )
    return BuildError(what, fault.at or target.place(*path), fault.fix, fault.reason)


def dotted_key(path: Path) -> str:
    """A path as it reads in a message: `links[0].from`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def format_value(value: object) -> str:
    """A value as a message names it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    return (
        "a list"
        if isinstance(value, list)
        else "a table"
        if isinstance(value, dict)
        else str(value)
    )
