"""A workspace of which only the targets that an analysis asks for are parsed.

It serves the analysis after an edit, for which the earlier one left the names of all targets. What
it cannot answer raises `NotPartial`: then the workspace is parsed as a whole, which also reports
the errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..types.label import Label, Pattern
from ..types.target import Target
from .folder_listing import join
from .matrix import is_matrix
from .root import BUILD
from .targets import target_tables
from .toml import Document, parse
from .toml_units import Unit, split_units
from .workspace import Workspace


class NotPartial(Exception):
    """An analysis needs more than a part of the workspace."""


class PartialWorkspace(Workspace):
    """The targets of a workspace by label, parsed when they are asked for.

    `units` are those of the BUILD.toml files that were split already, by path, and `files` the
    digests of all that belong to the workspace. `labels` are those of all targets, or None if they
    are not known. Raises `NotPartial` beyond `most` parsed units.
    """

    def __init__(
        self,
        root: str,
        units: Mapping[str, Mapping[str, Unit]],
        files: Mapping[str, str],
        labels: Iterable[str] | None,
        *,
        most: int,
    ) -> None:
        super().__init__(root)
        self._units, self._files, self._left = dict(units), files, most
        self._labels = labels
        self._parsed: set[tuple[str, str]] = set()

    def matching(self, pattern: Pattern) -> list[Label]:
        """The labels that match a pattern, sorted."""
        if pattern.name is not None:
            return super().matching(pattern)
        if self._labels is None:
            raise NotPartial("a pattern")
        self._load_above(pattern.package)
        if pattern.recursive:
            self._load_below(pattern.package)
        labels = (Label.parse(text) for text in self._labels)
        return sorted(label for label in labels if pattern.matches(label))

    def unit_targets(self, folder: str, key: str) -> Sequence[Target]:
        """The targets of a unit of the BUILD.toml in a folder."""
        path = join(folder, BUILD)
        self._left -= 1
        if self._left < 0:
            raise NotPartial(f"more than a part of {path}")
        document = parse(self._units_of(folder)[key].text.encode(), path)
        tables = target_tables(document, folder)
        if tables.errors or any(map(is_matrix, tables.targets)):
            raise NotPartial(f"the table {key!r} of {path}")
        return tables.targets

    def _find(self, label: Label) -> Target:
        self._load_above(label.package)
        if label not in self.declared:
            for folder, key in self._places(label):
                self._parse_unit(folder, key)
        if label not in self.declared:
            raise NotPartial(str(label))
        return self.declared[label]

    def _places(self, label: Label) -> list[tuple[str, str]]:
        """The units that may declare a label, as (folder, key)."""
        parts = [*filter(None, label.package.split("/")), label.name]
        places = []
        for end in range(len(parts)):
            folder, rest = "/".join(parts[:end]), parts[end:]
            document = self.documents.get(folder)
            if document is not None and (not folder or "workspace" not in document.values):
                keys = ("\n".join(rest[:size]) for size in range(1, len(rest) + 1))
                units = self._units_of(folder)
                places += [(folder, key) for key in keys if key in units]
        return places

    def _parse_unit(self, folder: str, key: str) -> None:
        if (folder, key) in self._parsed or (not folder and _is_settings(key)):
            return
        self._parsed.add((folder, key))
        for target in self.unit_targets(folder, key):
            if self.declared.setdefault(target.label, target) is not target:
                raise NotPartial(f"{target.label} is declared twice")

    def _document(self, folder: str) -> Document | None:
        """The table [workspace] of the BUILD.toml of a folder; None without such a file."""
        if folder in self.documents:
            return self.documents[folder]
        path = join(folder, BUILD)
        if path not in self._files:
            if BUILD in self.file_tree.entries(folder):
                raise NotPartial(f"{path} is new")
            return super()._document(folder)
        units = self._units_of(folder)
        settings = "".join(unit.text for key, unit in units.items() if _is_settings(key))
        document = self.documents[folder] = parse(settings.encode(), path)
        return document

    def _units_of(self, folder: str) -> Mapping[str, Unit]:
        path = join(folder, BUILD)
        if path not in self._units:
            data = self.read(path)
            units = split_units(data, path)
            if units is None or str(self.digests[path]) != self._files[path]:
                raise NotPartial(path)
            self._units[path] = units
        return self._units[path]


def _is_settings(key: str) -> bool:
    return key.partition("\n")[0] == "workspace"
