"""The remembered keys of a workspace's actions, and the actions and results that belong to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ..state.key_history import KeyRow
from ..types.action import Action
from ..types.digest import Digest
from ..types.result import File, Node
from .diff import ChangedPart, ResultSource
from .why import declared_actions

if TYPE_CHECKING:
    from ..analysis.analysis import Analysis

RowName: TypeAlias = tuple[str, str, int]
"""(label, title, number among the actions of this label and title, from 1)."""


@dataclass(frozen=True, slots=True)
class ActionKeys:
    """An action and its keys before and after a change; `before` is '' if it is not known.

    Not `is_recent` if other actions of the target ran since the key before was last used.
    """

    label: str
    title: str
    count: int
    before: str
    after: str
    is_recent: bool = True


class KeyHistory:
    """The key rows of a workspace, the store with their results, and the actions declared now."""

    def __init__(
        self, rows: Mapping[str, KeyRow], store: ResultSource, analysis: Analysis | None
    ) -> None:
        self.store = store
        self._analysis = analysis
        self._labels = {str(label): label for label in analysis.order} if analysis else {}
        self._rows: dict[RowName, KeyRow] = {}
        for name, row in rows.items():
            label, _, rest = name.partition(" ")
            count, _, title = rest.partition(" ")
            if count.isdecimal() and title and (not analysis or label in self._labels):
                self._rows[label, title, int(count)] = row
        self._producers: dict[str, list[tuple[RowName, str]]] | None = None

    def rows_of(self, label: str) -> dict[RowName, KeyRow]:
        """Return the rows of a target's actions."""
        return {name: row for name, row in self._rows.items() if name[0] == label}

    def action(self, keys: ActionKeys) -> Action | None:
        """Return the action as it is declared now; None if it is not declared any more."""
        label = self._labels.get(keys.label)
        if label is None or self._analysis is None:
            return None
        same = [
            action
            for action in declared_actions(self._analysis, label)
            if action.title == keys.title
        ]
        return same[keys.count - 1] if keys.count <= len(same) else None

    def producer(self, part: ChangedPart, action: Action | None = None) -> ActionKeys | None:
        """Return the action that made an input, with the keys that made its old and new content.

        Of several actions with the same output, `action` is preferred.
        """
        producers = self._producers_by_content()
        after = producers.get(part.after, [])
        if action is not None:
            owner = str(action.owner), action.title
            after = [entry for entry in after if entry[0][:2] == owner] or after
        if not after:
            return None
        name, key = after[0]
        old = producers.get(part.before, [])
        near = (
            [entry for entry in old if entry[0] == name]
            or [entry for entry in old if entry[0][0] == name[0]]
            or old
        )
        before = next((other for _, other in near if other != key), "")
        return ActionKeys(*name, before=before, after=key)

    def _producers_by_content(self) -> dict[str, list[tuple[RowName, str]]]:
        """Map the content of each remembered output to the rows and keys that made it."""
        if self._producers is None:
            self._producers = {}
            for name, row in self._rows.items():
                for key in row.keys:
                    result = self.store.recall(Digest.parse(key))
                    for _, node in result.outputs if result else ():
                        self._producers.setdefault(_content(node), []).append((name, key))
        return self._producers


def _content(node: Node) -> str:
    return node.digest.oci + (" executable" if isinstance(node, File) and node.executable else "")
