"""From a parsed BUILD.toml to its targets: which tables are targets, what they are called, what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..types.errors import BuildError, did_you_mean
from ..types.label import Label, is_target_name
from ..types.target import Target
from .toml import Document
from .toml_positions import KEY, Path, SubtreePositions

_NAMES = "labels are made of the letters a-z and A-Z, digits and . _ + -"
_RESERVED = frozenset({"con", "prn", "aux", "nul"})


@dataclass(frozen=True, slots=True, eq=False)
class TargetTables:
    """The targets of one file, in the order written, and every fault of its shape."""

    targets: tuple[Target, ...]
    errors: tuple[BuildError, ...]


def target_tables(document: Document, folder: str) -> TargetTables:
    """Read the targets off a document that stands in `folder` (empty: the workspace's root)."""
    walk = _Walk(document, folder)
    values = {key: value for key, value in document.values.items() if key != "workspace"}
    walk.group((), values)
    return TargetTables(tuple(walk.targets), tuple(walk.errors))


class _Walk:
    """One walk over the tables of a file."""

    def __init__(self, document: Document, folder: str) -> None:
        self.document, self.folder = document, folder
        self.targets: list[Target] = []
        self.errors: list[BuildError] = []

    def group(self, path: Path, table: dict[str, Any]) -> None:
        """A table that is no target: it may hold tables only."""
        wrong = [key for key, value in table.items() if not isinstance(value, dict)]
        if wrong:
            self._no_rule(path, wrong)
        for key, value in table.items():
            if isinstance(value, dict) and self._named((*path, key), key, value):
                self.table((*path, key), value)

    def table(self, path: Path, table: dict[str, Any]) -> None:
        """A table that may be a target."""
        if "rule" not in table or isinstance(table["rule"], dict):
            self.group(path, table)
            return
        rule = table["rule"]
        if not isinstance(rule, str):
            self.fault(
                (*path, "rule"), "rule wants the name of a rule, as text", 'such as rule = "export"'
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
                tuple(one[len(path) :] for one in nested),
            )
        )
        if wrong := next((one for one in nested if one[len(path)] == "matrix"), None):
            self.fault(
                wrong,
                f"[{'.'.join(map(str, wrong))}] has a rule, but the matrix of {label} is a table of lists",
                "give each axis a list, or rename the target",
            )

    def _without_targets(
        self, path: Path, values: dict[str, Any], nested: list[Path]
    ) -> dict[str, Any]:
        """The values of a target. A table below it that was written as `[a.b.c]` and has a rule is another target: it is
        walked, left out, and its path added to `nested`. A table written as a value stays one, whatever keys it has."""
        kept: dict[str, Any] = {}
        for key, value in values.items():
            inner = (*path, key)
            if (
                not isinstance(value, dict)
                or not self._holds_target(inner, value)
                or not self._named(inner, key, value)
            ):
                kept[key] = value
            elif self._is_target(inner, value):
                nested.append(inner)
                self.table(inner, value)
            elif rest := self._without_targets(inner, value, nested):
                kept[key] = rest
        return kept

    def _is_target(self, path: Path, table: dict[str, Any]) -> bool:
        """Whether a table below a target is a target itself."""
        return isinstance(table.get("rule"), str) and self.document.positions.is_header(path)

    def _holds_target(self, path: Path, table: dict[str, Any]) -> bool:
        """Whether a table below a target is, or holds, a target; the places are looked up for a table with a rule only."""
        return self._is_target(path, table) or any(
            self._holds_target((*path, key), value)
            for key, value in table.items()
            if isinstance(value, dict)
        )

    def _named(self, path: Path, key: str, table: dict[str, Any]) -> bool:
        """Whether a key can be part of a label; a fault when it has to be and cannot."""
        if is_target_name(key) and not key.endswith(".") and key.lower() not in _RESERVED:
            return True
        if _holds_target(table):
            self.fault((*path, KEY), f"{key!r} cannot be part of a label", _NAMES)
        return False

    def _no_rule(self, path: Path, wrong: list[str]) -> None:
        near = [key for key in wrong if did_you_mean(key.lower(), ["rule"])]
        place = (*path, (near or wrong)[0], KEY)
        if not path:
            self.fault(
                place,
                f"{(near or wrong)[0]!r} stands outside any table",
                "a target is a table, such as [exports.jetson], with a rule in it",
            )
        elif near:
            self.fault(
                place,
                f"unknown key {near[0]!r} in a table that has no rule",
                "did you mean 'rule'?",
            )
        else:
            name = ".".join(map(str, path))
            self.fault(
                path,
                f"the table [{name}] has values but no rule",
                'add rule = "...", or take the values away',
            )

    def fault(self, path: Path, what: str, fix: str) -> None:
        """Note a fault at the nearest known place."""
        places = self.document.positions
        at = next(
            (places[path[:end]] for end in range(len(path), 0, -1) if path[:end] in places), None
        )
        self.errors.append(BuildError(what, at, fix, "table"))


def _holds_target(table: dict[str, Any]) -> bool:
    return isinstance(table.get("rule"), str) or any(
        _holds_target(value) for value in _tables_in(table)
    )


def _tables_in(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (value for value in table.values() if isinstance(value, dict))
