"""The workspace: BUILD.toml files, which are read when a label needs them, and their targets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property

from ..files.entries import named
from ..files.stamp import Stamp, stamp_of
from ..types.digest import Digest
from ..types.errors import BuildError, Location
from ..types.label import FORM, Label, Pattern, qualify_pattern, resolve_shorthand
from ..types.target import Target
from .file_tree import FileTree
from .folder_listing import join
from .matrix import is_matrix, matrix_cells
from .root import BUILD, cache_within, unreadable_error
from .settings import Settings, parse_settings, raise_all
from .suggestions import suggest_label, suggest_pattern
from .targets import target_tables
from .toml import BYTES, Document, parse
from .toml_positions import Path
from .toml_text import hash_without_comments

HINTS = 20
"""Missing labels for which a similar one is searched: each search reads all labels."""


class Workspace:
    """The targets of a workspace by label. Each file is read once, when it is first needed.

    `rule_files` are the files of rules and keys that analysis has read, by path. `digests` and
    `stamps` are those of the files read; a stamp is taken before its file is read. `texts` are the
    hashes of BUILD files without comments. `fetch(path)` may provide the content of a rule file
    before it is read. `documents` are the parsed files by folder, `declared` the targets that were
    read, with the cells of a matrix instead of it as soon as one is needed.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.file_tree = FileTree(root, cache_within(root, os.environ))
        self.rule_files: set[str] = set()
        self.digests: dict[str, Digest] = {}
        self.texts: dict[str, str] = {}
        self.stamps: dict[str, Stamp] = {}
        self.fetch: Callable[[str], None] = lambda path: None
        self.documents: dict[str, Document | None] = {}
        self.declared: dict[Label, Target] = {}
        self._case_folded: dict[str, Label] = {}
        self.matrices: set[Label] = set()
        self._expanded: set[Label] = set()
        self._hints = HINTS

    @property
    def files_read(self) -> tuple[str, ...]:
        """The inputs of analysis, relative to the root and sorted: BUILD.toml files, rule files,
        and listed folders.

        A folder is an input if a change of its entries could change the targets. The root is the
        empty path.
        """
        files = {
            join(folder, BUILD)
            for folder, document in self.documents.items()
            if document is not None
        }
        return tuple(sorted(files | self.rule_files | self.file_tree.lookups.keys()))

    @cached_property
    def settings(self) -> Settings:
        """The settings of the workspace; BuildErrors as for `parse_settings`."""
        settings = parse_settings(self._document(""), self.root)
        for path in settings.key_files:  # a build whose trusted keys changed must look again
            with suppress(OSError):
                self.fetch(path)
                self.read(path)
                self.rule_files.add(path)
        return settings

    def place(self, *path: str | int) -> Location:
        """The location of a value of the table [workspace]."""
        document = self._document("")
        return (document and document.positions.get(("workspace", *path))) or Location(BUILD)

    def target(self, label: Label, at: Location | None = None) -> Target:
        """The target of a label.

        BuildError at `at`, with a similar label as help, if there is none.
        """
        target = self._find(label)
        if target is None:
            raise self._missing_error(label, at)
        return target

    def targets(
        self, patterns: Iterable[str], package: str = "", at: Location | None = None
    ) -> list[Label]:
        """The labels that match patterns, sorted. BuildError for a pattern that matches none.

        `:x` is relative to `package`, and `-pattern` removes labels from those of the patterns
        before it.
        """
        selected: set[Label] = set()
        parsed = [self._parse_pattern(text, package, at) for text in patterns]
        if parsed and all(pattern.negative for pattern in parsed):
            parsed.insert(0, Pattern("", None, True, False))
        for pattern in parsed:
            labels = self.matching(pattern)
            if not labels and not pattern.negative:
                if pattern.name is not None:
                    raise self._missing_error(Label(pattern.package, pattern.name), at)
                raise self._no_match_error(pattern, at)
            selected = selected.difference(labels) if pattern.negative else selected.union(labels)
        return sorted(selected)

    def _parse_pattern(self, text: str, package: str, at: Location | None) -> Pattern:
        try:
            return Pattern.parse(qualify_pattern(text, package), package, at)
        except BuildError as error:
            raise self.with_suggestions(error, text, package) from None

    def with_suggestions(self, error: BuildError, text: str, package: str) -> BuildError:
        """The error for a text that is not a label, with existing labels or patterns as help."""
        likely = resolve_shorthand(text)
        known = self._known_labels()
        existing = [
            label
            for label in likely
            if self.matching(Pattern.parse(label.removeprefix("-"), package))
        ]
        if existing:
            fix = f"did you mean {' or '.join(map(repr, existing))}?"
        else:
            similar = [
                suggest_label(
                    label if label.startswith("//") else f"//{label[1:]}:{label[1:]}", known
                )
                for label in likely
            ]
            default = FORM if error.fix.startswith("did you mean") else error.fix
            fix = next(filter(None, similar), default)
        return BuildError(error.what, error.at, fix, error.reason)

    def matching(self, pattern: Pattern) -> list[Label]:
        """The labels that match a pattern, sorted; there may be none.

        The sign of the pattern is ignored.
        """
        if pattern.name is not None:
            label = Label(pattern.package, pattern.name)
            return [label] if self._find(label) is not None else []
        self._load_above(pattern.package)
        if pattern.recursive:
            self._load_below(pattern.package)
        for label in sorted(label for label in self.matrices if pattern.matches(label)):
            self._expand(label)
        return sorted(label for label in self.declared if pattern.matches(label))

    def _find(self, label: Label) -> Target | None:
        self._load_above(label.package)
        matrices = [matrix for matrix in self.matrices if matrix.package == label.package]
        for matrix in sorted(matrices):
            if label == matrix or label.name.startswith(f"{matrix.name}."):
                self._expand(matrix)
        return self.declared.get(label)

    def _missing_error(self, label: Label, at: Location | None) -> BuildError:
        """The error for a label without a target.

        The first `HINTS` errors suggest a similar label.
        """
        self._hints -= 1
        hint = suggest_label(str(label), self._known_labels() if self._hints >= 0 else [])
        return BuildError(
            f"no target {label}",
            at,
            hint or "`buildgraph query list //...` lists all targets",
            "missing",
        )

    def _no_match_error(self, pattern: Pattern, at: Location | None) -> BuildError:
        text = (
            f"//{join(pattern.package, '...')}" if pattern.recursive else f"//{pattern.package}:*"
        )
        fix = suggest_pattern(pattern, self._known_labels())
        return BuildError(f"no target matches {text}", at, fix, "missing")

    def _known_labels(self) -> list[str]:
        """All labels that can be read.

        Errors in other files are ignored, because this is for help only.
        """
        try:
            return [str(label) for label in self.matching(Pattern("", None, True, False))]
        except BuildError:
            return sorted(map(str, self.declared))

    def _load_above(self, package: str) -> None:
        """Read the files that may declare targets of a package: in its folder and above it."""
        folder = ""
        self._load("")
        for part in filter(None, package.split("/")):
            folder = join(folder, part)
            if self.file_tree.skips(folder) or not self._load(folder):
                return

    def _load_below(self, package: str) -> None:
        waiting = [package] if self._is_own_folder(package) else []
        while waiting:
            folder = waiting.pop()
            if self._load(folder):
                waiting += self.file_tree.subfolders(folder)

    def _is_own_folder(self, package: str) -> bool:
        """True if the folder of a package belongs to this workspace, and not to one inside it."""
        parts = package.split("/") if package else []
        folders = ["/".join(parts[:end]) for end in range(len(parts) + 1)]
        return not any(map(self.file_tree.skips, folders[1:])) and all(map(self._load, folders))

    def _load(self, folder: str) -> bool:
        """Read the BUILD.toml of a folder, if any; True if the folder belongs to this workspace."""
        return not is_other_root(self._document(folder), folder)

    def _document(self, folder: str) -> Document | None:
        if folder in self.documents:
            return self.documents[folder]
        path = join(folder, BUILD)
        document = None
        entry = self.file_tree.entries(folder).get(BUILD)
        if entry is None:
            self.file_tree.record_lookup(folder, named(BUILD))
        else:
            document = parse(self._bytes(entry, path), path)
        self.documents[folder] = document
        if document is not None and not is_other_root(document, folder):
            self._add_targets(document, folder)
        return document

    def _bytes(self, entry: os.DirEntry[str], path: str) -> bytes:
        """The bytes of a BUILD.toml, at most one more than allowed.

        BuildError if it is not a readable file.
        """
        self.file_tree.check_regular(entry, path, True, Location(path))
        if not entry.is_file():
            raise BuildError(
                f"{path!r} is a folder",
                Location(path),
                "that name is for the file that declares targets",
                "source",
            )
        try:
            data = self.read(path, BYTES + 1)
        except OSError as error:
            raise unreadable_error(path, error, Location(path)) from None
        self.texts[path] = hash_without_comments(data)
        return data

    def read(self, path: str, most: int = -1) -> bytes:
        """Read a file of the workspace, and record it as an input of analysis.

        OSError if that fails.
        """
        with open(os.path.join(self.root, path), "rb") as file:
            stamp = stamp_of(os.fstat(file.fileno()))
            data = file.read(most)
        self.digests[path], self.stamps[path] = Digest.of(data), stamp
        return data

    def _add_targets(self, document: Document, folder: str) -> None:
        tables = target_tables(document, folder)
        errors = list(tables.errors)
        for target in tables.targets:
            other = self._case_folded.setdefault(str(target.label).casefold(), target.label)
            if target.label in self.declared or other != target.label:
                errors.append(self._duplicate_error(target, other))
                continue
            self.declared[target.label] = target
            if is_matrix(target):
                self.matrices.add(target.label)
        raise_all(errors)

    def _duplicate_error(self, target: Target, other: Label) -> BuildError:
        first = self.declared[other].place() if other in self.declared else ""
        if other == target.label:
            return BuildError(
                f"{target.label} is declared twice",
                target.place(),
                f"the first is at {first}",
                "twice",
            )
        return BuildError(
            f"{target.label} and {other} differ only in case",
            target.place(),
            f"rename one; the other is at {first}",
            "twice",
        )

    def _expand(self, label: Label) -> None:
        """Replace a matrix by its cells. A matrix that is being expanded has no cells yet."""
        if label in self._expanded:
            return
        self._expanded.add(label)
        target = self.declared.pop(label)
        try:
            cells = matrix_cells(target, lambda text, path: self._axis(target, text, path))
        except BuildError:
            self.declared[label] = target
            self._expanded.discard(label)
            raise
        for cell in cells:
            if cell.label in self.declared:
                raise self._duplicate_error(cell, cell.label)
            self.declared[cell.label] = cell

    def _axis(self, target: Target, text: str, path: Path) -> Sequence[Label] | None:
        if not text.startswith(("//", ":")):
            return None
        # Each label or pattern must match, and an error is reported at its own location.
        return self.targets([text], target.label.package, target.place(*path))


def is_other_root(document: Document | None, folder: str) -> bool:
    """True if a folder is the root of another workspace."""
    return bool(folder) and document is not None and "workspace" in document.values
