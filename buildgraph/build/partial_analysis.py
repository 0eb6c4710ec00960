"""Analyse the targets that an edit of BUILD.toml files reaches, and no others.

These are the targets of the tables that changed and all that depend on them. The targets that they
depend on are evaluated again, because rules need their providers. A group passes nothing on, so an
edit of a member does not reach it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..analysis.analysis import Analysis, analyse
from ..analysis.builtin_rules import builtin_rules
from ..files.entries import Listing, find, listing_strings, listings_of
from ..files.stamp import Stamp
from ..keys.action_graph import gates_of, requested_outputs
from ..state.build_files import EditedFile, EditedGraph
from ..state.replace_actions import NewActions, NotReplaced, Replaced, replace_actions
from ..state.request_graph import decode_gates, graph_of
from ..state.target_table import TargetRow, TargetTable, decode_targets
from ..types.errors import BuildError
from ..types.label import Label
from ..workspace.partial_workspace import NotPartial, PartialWorkspace
from ..workspace.toml_units import Unit, split_units
from .from_source import requested_gate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..execution.executor import Attempt
    from ..state.snapshot import Snapshot
    from ..types.action import Gate

_SHARE = 4
"""At most one of so many targets is analysed again: more take longer than a whole analysis."""
_FEW = 64
"""So many targets are always analysed in part."""


def analyse_edits(
    attempt: Attempt, snapshot: Snapshot, edits: Mapping[str, EditedFile]
) -> EditedGraph | None:
    """The graph of a snapshot after edits of its BUILD.toml files.

    None if it takes an analysis of all targets to find it, or to report an error.
    """
    table = decode_targets(snapshot)
    if not table.is_known:
        return None
    try:
        return _Edit(attempt, snapshot, table, edits).run()
    except (NotPartial, NotReplaced, BuildError, OSError):  # OSError: a file vanished meanwhile
        return None


class _Edit:
    """One analysis of a part."""

    def __init__(
        self,
        attempt: Attempt,
        snapshot: Snapshot,
        table: TargetTable,
        edits: Mapping[str, EditedFile],
    ) -> None:
        self.attempt, self.snapshot, self.table, self.edits = attempt, snapshot, table, edits
        self.units: dict[str, Mapping[str, Unit]] = {}
        for path, edit in edits.items():
            units = split_units(edit.data, path)
            if units is None:
                raise NotPartial(path)
            self.units[path] = units
        strings = snapshot.graph.strings("files")
        digests = {path: str(edit.digest) for path, edit in edits.items()}
        files = {
            path: digest for path, digest in zip(strings[::2], strings[1::2]) if path in table.units
        }
        matrix = any(row.is_of_matrix for row in table.targets)
        self.workspace = PartialWorkspace(
            attempt.root,
            self.units,
            files | digests,
            None if matrix else [row.label for row in table.targets],
            most=max(_FEW, len(table.targets) // _SHARE),
        )

    def run(self) -> EditedGraph:
        """Analyse; `NotPartial`, `NotReplaced` or BuildError if that is not enough."""
        changed = self._changed_targets()
        reached = _reached(self.table, changed)
        labels = [Label.parse(self.table.targets[number].label) for number in reached]
        analysis = analyse(self.workspace, labels, builtin_rules())
        number = {row.label: at for at, row in enumerate(self.table.targets)}
        if any(number[str(label)] >= len(self.table.deps) for label in analysis.order):
            raise NotPartial("a target that was not analysed before")
        deps = [*self.table.deps]
        for label in labels:
            deps[number[str(label)]] = [number[str(dep)] for dep in analysis.deps[label]]
        table = TargetTable(self._new_units(), self.table.targets, deps)
        replaced = self._replace(table, analysis, labels, reached)
        stamps = self._new_stamps()
        return EditedGraph(replaced.snapshot, replaced.edited, stamps, len(analysis.order))

    def _changed_targets(self) -> set[int]:
        """The numbers of the analysed targets whose tables changed.

        `NotPartial` if targets came or went, or if one has another rule.
        """
        numbers = {row.label: at for at, row in enumerate(self.table.targets)}
        changed: set[int] = set()
        for path, units in self.units.items():
            before = self.table.units.get(path)
            if not before or before.keys() != units.keys():
                raise NotPartial(path)
            folder = os.path.dirname(path)
            for key, unit in units.items():
                if before[key] == unit.digest:
                    continue
                if not unit.is_whole or key.partition("\n")[0] == "workspace":
                    raise NotPartial(key)
                rows = {
                    TargetRow(str(target.label), target.rule, target.folder)
                    for target in self.workspace.unit_targets(folder, key)
                }
                if rows != _rows_of(self.table, folder, key):
                    raise NotPartial(key)
                changed |= {numbers[row.label] for row in rows}
        if any(self.table.targets[number].is_group for number in changed):
            raise NotPartial("a group")
        return {number for number in changed if number < len(self.table.deps)}

    def _replace(
        self,
        table: TargetTable,
        analysis: Analysis,
        labels: Sequence[Label],
        reached: Iterable[int],
    ) -> Replaced:
        requested = {*self.snapshot.graph.strings("labels")}
        providers = {
            str(label): (label, analysis.providers[label])
            for label in labels
            if str(label) in requested
        }
        missing = {name for gate in decode_gates(self.snapshot) for name in gate.missing}
        outputs = {text: requested_outputs(*each) for text, each in providers.items()}
        gates: dict[str, Sequence[Gate]] = {
            text: gates_of(provider) if self.attempt.request.gates else ()
            for text, (_, provider) in providers.items()
        }
        steps, _ = graph_of(
            [output for each in outputs.values() for output in each],
            [gate for each in gates.values() for gate in each if not missing & {*gate.needs}],
        )
        unchecked = self.workspace.settings.release.unchecked
        new = NewActions(
            table,
            self._texts(),
            self._folders(),
            frozenset(reached),
            steps,
            outputs,
            {
                text: [
                    requested_gate(text, gate, steps, lambda name: name not in missing, unchecked)
                    for gate in each
                ]
                for text, each in gates.items()
            },
        )
        return replace_actions(self.snapshot, new)

    def _new_units(self) -> dict[str, Mapping[str, str]]:
        new = {
            path: {key: unit.digest for key, unit in units.items()}
            for path, units in self.units.items()
        }
        return {**self.table.units, **new}

    def _texts(self) -> list[str]:
        strings = self.snapshot.graph.strings("texts")
        texts = dict(zip(strings[::2], strings[1::2]))
        texts.update((path, edit.text) for path, edit in self.edits.items())
        return [string for item in texts.items() for string in item]

    def _folders(self) -> list[str]:
        """The listings of the snapshot with those of this analysis.

        `NotPartial` if a folder changed meanwhile: other targets were analysed with its old ones.
        """
        tree = self.workspace.file_tree
        listings = listings_of(self.snapshot.graph.strings("folders"))
        for folder, lookups in tree.lookups.items():
            before = listings.get(folder or ".", Listing(frozenset(), frozenset()))
            entries = tree.entries(folder).values()
            if find(not folder, entries, before.lookups) != before.entries:
                raise NotPartial(folder)
            new = frozenset(lookups) - before.lookups
            present = before.entries | find(not folder, entries, new) if new else before.entries
            listings[folder or "."] = Listing(before.lookups | new, present)
        return listing_strings(listings)

    def _new_stamps(self) -> dict[str, Stamp]:
        """The stamps of the folders that are new among the listings."""
        tree, before = self.workspace.file_tree, listings_of(self.snapshot.graph.strings("folders"))
        return {
            folder or ".": tree.stamps[folder]
            for folder in tree.lookups
            if (folder or ".") not in before
        }


def _rows_of(table: TargetTable, folder: str, key: str) -> set[TargetRow]:
    """The rows of the targets that a unit of a BUILD.toml declared before."""
    parts = [*filter(None, folder.split("/")), *key.split("\n")]
    package, name = "/".join(parts[:-1]), parts[-1]
    exact, below = f"//{package}:{name}", f"//{'/'.join(parts)}"
    begins = (f"{below}:", f"{below}/", f"{exact}.")
    return {
        row
        for row in table.targets
        if (row.label == exact or row.label.startswith(begins)) and row.folder == folder
    }


def _reached(table: TargetTable, changed: Iterable[int]) -> list[int]:
    """Targets, and all that depend on them through others than groups."""
    users: list[list[int]] = [[] for _ in table.deps]
    for number, deps in enumerate(table.deps):
        if not table.targets[number].is_group:
            for dep in deps:
                users[dep].append(number)
    reached, waiting = {*changed}, [*changed]
    while waiting:
        for user in users[waiting.pop()]:
            if user not in reached:
                reached.add(user)
                waiting.append(user)
    return sorted(reached)
