"""The two states of a workspace that `affected` compares: a revision and the work tree."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..analysis.analysis import Analysis, analyse
from ..analysis.builtin_rules import builtin_rules
from ..host.environment import RULES_FOLDER
from ..host.source_files import SourceChanged, SourceFiles
from ..types.action import Artifact, Shipped, Source
from ..types.digest import Digest
from ..types.errors import BuildError, Location
from ..types.label import Pattern
from ..workspace.file_tree import FileTree
from ..workspace.globs import is_glob
from ..workspace.root import BUILD
from ..workspace.workspace import Workspace
from .git import PROGRAM
from .git_entries import write_entries
from .git_revision import Revision
from .target_hash import Hash, TargetHashes, hash_targets

ALL = Pattern("", None, True, False)
_TRIES = 10  # for a file that changes while it is hashed


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The analysis of all targets of a state, their hashes, and the reader of their files."""

    analysis: Analysis
    hashes: TargetHashes
    read: Hash


class State:
    """A state of the workspace; `names` collects the files that its evaluation read."""

    def __init__(self, revision: Revision, workspace: Workspace) -> None:
        self.revision, self.workspace = revision, workspace
        self.names: set[str] = set()
        self._digests: dict[tuple[bool, str], tuple[Digest, bool]] = {}

    def analyse(self) -> Analysis:
        """Analyse all targets; raise BuildErrors with every error in them."""
        return analyse(self.workspace, self.workspace.matching(ALL), builtin_rules())

    def hash(self, analysis: Analysis) -> Evaluation:
        """Hash all targets; raise BuildErrors with every error in them."""
        self.names.update(self.workspace.rule_files, self.workspace.digests)
        rules = {name: str(self.source(name)[0]) for name in sorted(self.workspace.rule_files)}
        targets = {label: self.workspace.target(label) for label in analysis.order}
        return Evaluation(analysis, hash_targets(analysis, targets, rules, self.read), self.read)

    def read(self, artifact: Artifact) -> tuple[Digest, bool]:
        """Return (digest, is executable) of a source or a shipped tool; each is read once."""
        is_shipped = isinstance(artifact, Shipped)
        digest = self._digests.get((is_shipped, artifact.name))
        if digest is None:
            if is_shipped:
                digest = self.tool(artifact.name)
            else:
                self.names.add(artifact.name)
                at = artifact.at if isinstance(artifact, Source) else None
                digest = self.source(artifact.name, at)
            self._digests[is_shipped, artifact.name] = digest
        return digest

    def tool(self, name: str) -> tuple[Digest, bool]:
        """Return (digest, is executable) of a file that ships with buildgraph."""
        raise NotImplementedError

    def source(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """Return (digest, is executable) of a file of the workspace."""
        raise NotImplementedError


class WorkTree(State):
    """The work tree; files that a sparse checkout leaves out are read from the index."""

    def __init__(self, revision: Revision, root: str, folder: str) -> None:
        self.root = root
        self.skipped = revision.skipped()
        self.files = SourceFiles(root)
        self.folder = os.path.realpath(folder)
        if self.skipped:
            os.mkdir(self.folder)
            write_entries(self.folder, self.skipped, None)
        workspace = _SparseWorkspace(root, self.folder) if self.skipped else Workspace(root)
        if not self.skipped:
            workspace.file_tree = _WatchedTree(root, workspace.file_tree.cache)
        super().__init__(revision, workspace)

    def analyse(self) -> Analysis:
        """Analyse all targets; raise BuildError if a file of rules is not checked out."""
        rules = self.workspace.settings.rules
        missing = next((name for name in rules if name in self.skipped), None)
        if missing is not None:
            raise BuildError(
                f"the file of rules {missing!r} is not checked out",
                self.workspace.place("rules", rules.index(missing)),
                f"`git sparse-checkout add {os.path.dirname(missing) or missing}`",
                "source",
            )
        return super().analyse()

    @property
    def glob_folders(self) -> set[str]:
        """The folders that analysis searched with globs, with all that is below them."""
        file_tree = self.workspace.file_tree
        return file_tree.glob_folders if isinstance(file_tree, _WatchedTree) else {""}

    def tool(self, name: str) -> tuple[Digest, bool]:
        """Hash a file that ships with buildgraph."""
        return self.digest(os.path.join(RULES_FOLDER, name))

    def source(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """Hash a file of the work tree, or of the index if it is not checked out."""
        if name in self.skipped:
            entry = self.skipped[name]
            return entry.origin.repository.digest(entry.name), entry.mode == PROGRAM
        return self.digest(name, at)

    def digest(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """Hash a file; try again, up to 10 times, while it changes."""
        for _ in range(_TRIES):
            try:
                return self.files.digest(name, at)
            except SourceChanged:
                continue
        raise BuildError(
            f"{name!r} changed while it was read, {_TRIES} times",
            at,
            "try again when it is complete",
            "source",
        )


class RevisionTree(State):
    """The revision; `evaluate` writes the names of its files into the new folder `folder`."""

    def __init__(self, revision: Revision, folder: str, work_tree: WorkTree) -> None:
        self.folder, self.work_tree = os.path.realpath(folder), work_tree
        self.ignored: set[str] = set()
        super().__init__(revision, Workspace(self.folder))
        self.workspace.fetch = lambda name: revision.fill(self.folder, (name,))

    def evaluate(self) -> Evaluation:
        """Hash all targets of the revision; raise BuildError if it has no workspace."""
        os.mkdir(self.folder)
        self.revision.write(self.folder)
        self._add_ignored()
        if not os.path.exists(os.path.join(self.folder, BUILD)):
            raise BuildError(
                f"there was no workspace here at {self.revision.text!r}",
                None,
                "name a revision that has a BUILD.toml, or build //...",
                "usage",
            )
        return self.hash(self.analyse())

    def _add_ignored(self) -> None:
        """Add files that git ignores as they are in the work tree: they have no history."""
        work_tree = self.work_tree
        for name in self.revision.ignored(sorted(work_tree.names)):
            source, target = os.path.join(work_tree.root, name), os.path.join(self.folder, name)
            if os.path.lexists(target) or not os.path.isfile(source):
                continue
            try:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "xb") as file, open(source, "rb") as content:
                    if name in work_tree.workspace.digests:
                        file.write(content.read())
            except (FileExistsError, NotADirectoryError):
                continue  # the revision has another entry at this path
            self.ignored.add(name)

    def tool(self, name: str) -> tuple[Digest, bool]:
        """Hash a shipped tool, the revision's if the repository has it, else the installed one."""
        path = os.path.relpath(os.path.join(RULES_FOLDER, name), self.revision.repository.top)
        return self.revision.digest(path) or self.work_tree.tool(name)

    def source(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """Hash a file of the revision.

        If git would store the file of the work tree as the same object, that file is hashed: its
        content is the object after the user's filters.
        """
        inner = os.path.relpath(os.path.realpath(os.path.join(self.folder, name)), self.folder)
        if inner in self.ignored:
            return self.work_tree.digest(inner)
        path = self.revision.prefix + inner
        entry = self.revision.entries.get(path)
        keeps_modes = self.revision.keeps_modes()
        here = None
        if entry is not None and os.path.isfile(self.work_tree.files.path(inner)):
            here = self.work_tree.digest(inner)
            if self.revision.is_unchanged(path):
                return here[0], entry.mode == PROGRAM if keeps_modes else here[1]
        stored = self.revision.digest(path)
        if stored is None:
            raise BuildError(f"the revision has no file {name!r}", at, reason="source")
        return stored if here is None or keeps_modes else (stored[0], here[1])


class _WatchedTree(FileTree):
    """The folders of a workspace, with a record of the folders that globs search."""

    def __init__(self, root: str, cache: str) -> None:
        super().__init__(root, cache)
        self.glob_folders: set[str] = set()

    def glob(self, folder: str, pattern: str, at: Location | None) -> list[str]:
        """Find files as a FileTree does."""
        if is_glob(pattern):
            self.glob_folders.add(folder)
        return super().glob(folder, pattern, at)


class _Overlay(FileTree):
    """The folders of a workspace, merged with those of another folder."""

    def __init__(self, root: str, extra: str) -> None:
        super().__init__(root)
        self._extra = FileTree(extra)
        self._merged: dict[str, dict[str, os.DirEntry[str]]] = {}

    def entries(self, folder: str) -> dict[str, os.DirEntry[str]]:
        """Return the entries of both, sorted by name; the workspace wins."""
        if folder not in self._merged:
            both = {**self._extra.entries(folder), **super().entries(folder)}
            self._merged[folder] = dict(sorted(both.items()))
        return self._merged[folder]


class _SparseWorkspace(Workspace):
    """A workspace of a sparse checkout: files that are not checked out are in another folder."""

    def __init__(self, root: str, extra: str) -> None:
        super().__init__(root)
        self.file_tree = _Overlay(root, extra)
        self._extra = extra

    def _bytes(self, entry: os.DirEntry[str], path: str) -> bytes:
        if not entry.path.startswith(self._extra + os.sep):
            return super()._bytes(entry, path)
        with open(entry.path, "rb") as file:
            return file.read()
