"""Describe the targets of an analysis, so that the next one can leave out those that are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..state.target_table import MATRIX, TargetRow, TargetTable
from ..workspace.folder_listing import join
from ..workspace.root import BUILD
from ..workspace.toml_units import Unit, split_units
from ..workspace.workspace import Workspace, is_other_root

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..analysis.analysis import Analysis
    from ..types.label import Label
    from ..types.target import Target


def describe_targets(workspace: Workspace, analysis: Analysis) -> TargetTable:
    """The targets of all files that an analysis read, those that it analysed first.

    It is empty in a workspace with rules of its own: these may ask for what leaves no trace.
    """
    if workspace.settings.rules:
        return TargetTable()
    declared = workspace.declared
    order = [*analysis.order, *sorted(declared.keys() - analysis.providers.keys())]
    number = {label: at for at, label in enumerate(order)}
    matrices = {str(label) for label in workspace.matrices}
    return TargetTable(
        {
            join(folder, BUILD): unit_digests(split_units(document.positions.text.encode(), folder))
            for folder, document in workspace.documents.items()
            if document is not None and not is_other_root(document, folder)
        },
        [_row(label, declared[label], matrices) for label in order],
        [[number[dep] for dep in analysis.deps[label]] for label in analysis.order],
    )


def unit_digests(units: Mapping[str, Unit] | None) -> dict[str, str]:
    """The digests of units; none if one of them cannot be parsed alone."""
    if units is None or not all(unit.is_whole for unit in units.values()):
        return {}
    return {key: unit.digest for key, unit in units.items()}


def _row(label: Label, target: Target, matrices: Collection[str]) -> TargetRow:
    """A target; the label of a cell is that of its matrix, followed by values."""
    parts = str(label).split(".")
    is_cell = any(".".join(parts[:end]) in matrices for end in range(1, len(parts) + 1))
    return TargetRow(str(label), MATRIX * is_cell + target.rule, target.folder)
