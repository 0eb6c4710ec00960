"""The targets of a parsed BUILD.toml: the tables that have a rule, and errors in their form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..types.errors import BuildError, did_you_mean
from ..types.label import Label, is_target_name
from ..types.target import Target
from .toml import Document
from .toml_positions import KEY, Path, SubtreePositions

_LABEL_CHARACTERS = "labels are made of the letters a-z and A-Z, digits and . _ + -"
_RESERVED = frozenset({"con", "prn", "aux", "nul"})


@dataclass(frozen=True, slots=True, eq=False)
class TargetTables:
    """The targets of one file in their order, and the errors in its form."""

    targets: tuple[Target, ...]
    errors: tuple[BuildError, ...]


def target_tables(document: Document, folder: str) -> TargetTables:
    """The targets of a document in `folder`; the empty folder is the root of the workspace."""
    walk = _TableWalk(document, folder)
    values = {key: value for key, value in document.values.items() if key != "workspace"}
    walk.group((), values)
    return TargetTables(tuple(walk.targets), tuple(walk.errors))


class _TableWalk:
    """A walk over the tables of a file, which collects targets and errors."""

    def __init__(self, document: Document, folder: str) -> None:
        self.document, self.folder = document, folder
        self.targets: list[Target] = []
        self.errors: list[BuildError] = []

    def group(self, path: Path, table: dict[str, Any]) -> None:
        """Visit a table that is not a target, and may contain tables only."""
        values = [key for key, value in table.items() if not isinstance(value, dict)]
        if values:
            self._report_missing_rule(path, values)
        for key, value in table.items():
            if isinstance(value, dict) and self._check_name((*path, key), key, value):
                self.table((*path, key), value)

    def table(self, path: Path, table: dict[str, Any]) -> None:
        """Visit a table that may be a target."""
        if "rule" not in table or isinstance(table["rule"], dict):
            self.group(path, table)
            return
        rule = table["rule"]
        if not isinstance(rule, str):
            self.report(
                (*path, "rule"),
                "rule must be the name of a rule, as text",
                'write it like rule = "export"',
            )
            return
        label = Label("/".join([*filter(None, [self.folder]), *map(str, path[:-1])]), str(path[-1]))
        values = {key: value for key, value in table.items() if key != "rule"}
        nested: list[Path] = []
        values = self._without_targets(path, values, nested)
        self.targets.append(
            Target(
                label,
                rule,
                values,
                self.folder,
                SubtreePositions(self.document.positions, path),
                tuple(inner[len(path) :] for inner in nested),
            )
        )
        matrix = next((inner for inner in nested if inner[len(path)] == "matrix"), None)
        if matrix:
            self.report(
                matrix,
                f"[{'.'.join(map(str, matrix))}] has a rule, "
                f"but the matrix of {label} is a table of lists",
                "give each axis a list, or rename the target",
            )

    def _without_targets(
        self, path: Path, values: dict[str, Any], nested: list[Path]
    ) -> dict[str, Any]:
        """The values of a target without the targets below it.

        A table that is written as `[a.b.c]` and has a rule is a target: it is visited, and its path
        is added to `nested`. A table that is written as a value stays a value, whatever its keys.
        """
        kept: dict[str, Any] = {}
        for key, value in values.items():
            inner = (*path, key)
            if (
                not isinstance(value, dict)
                or not self._contains_target(inner, value)
                or not self._check_name(inner, key, value)
            ):
                kept[key] = value
            elif self._is_target(inner, value):
                nested.append(inner)
                self.table(inner, value)
            elif rest := self._without_targets(inner, value, nested):
                kept[key] = rest
        return kept

    def _is_target(self, path: Path, table: dict[str, Any]) -> bool:
        """True if a table below a target is a target itself."""
        return isinstance(table.get("rule"), str) and self.document.positions.is_header(path)

    def _contains_target(self, path: Path, table: dict[str, Any]) -> bool:
        """True if a table below a target is a target or contains one.

        Positions are looked up for tables with a rule only, because that scans the file.
        """
        return self._is_target(path, table) or any(
            self._contains_target((*path, key), value)
            for key, value in table.items()
            if isinstance(value, dict)
        )

    def _check_name(self, path: Path, key: str, table: dict[str, Any]) -> bool:
        """True if a key can be part of a label. Reports an error if the key of a target cannot."""
        if is_target_name(key) and not key.endswith(".") and key.lower() not in _RESERVED:
            return True
        if _contains_rule(table):
            self.report((*path, KEY), f"{key!r} cannot be part of a label", _LABEL_CHARACTERS)
        return False

    def _report_missing_rule(self, path: Path, keys: list[str]) -> None:
        misspelt = [key for key in keys if did_you_mean(key.lower(), ["rule"])]
        key = (misspelt or keys)[0]
        if not path:
            self.report(
                (*path, key, KEY),
                f"{key!r} is outside any table",
                "a target is a table, such as [exports.jetson], with a rule in it",
            )
        elif misspelt:
            self.report(
                (*path, key, KEY),
                f"unknown key {key!r} in a table that has no rule",
                "did you mean 'rule'?",
            )
        else:
            name = ".".join(map(str, path))
            self.report(
                path,
                f"the table [{name}] has values but no rule",
                'add rule = "...", or remove the values',
            )

    def report(self, path: Path, what: str, fix: str) -> None:
        """Add an error at the location of a value, or that of its nearest ancestor."""
        positions = self.document.positions
        ends = range(len(path), 0, -1)
        at = next((positions[path[:end]] for end in ends if path[:end] in positions), None)
        self.errors.append(BuildError(what, at, fix, "table"))


def _contains_rule(table: dict[str, Any]) -> bool:
    return isinstance(table.get("rule"), str) or any(map(_contains_rule, _tables_in(table)))


def _tables_in(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (value for value in table.values() if isinstance(value, dict))
