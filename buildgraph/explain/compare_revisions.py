"""`affected --since REV`: hash the targets of a revision and of the work tree, and compare them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping

from ..analysis.analysis import analyse
from ..analysis.builtin_rules import builtin_rules
from ..host.environment import RULES_FOLDER
from ..host.source_files import SourceChanged, SourceFiles
from ..types.action import Artifact, Shipped, Source
from ..types.digest import Digest
from ..types.errors import BuildError, BuildErrors, Location
from ..types.label import Label, Pattern
from ..workspace.file_tree import FileTree
from ..workspace.folder_listing import join
from ..workspace.root import BUILD
from ..workspace.workspace import Workspace
from .affected import Affected, compare, without_base
from .git import PROGRAM
from .git_entries import write_entries
from .git_revision import Revision
from .target_hash import Hash, TargetHashes, hash_targets

_ALL = Pattern("", None, True, False)
_NOT_OF_TARGETS = ("usage", "broken", "environment")  # reasons of errors of a repository or machine
_TRIES = 10  # for a file that changes while it is hashed


def affected_since(root: str, text: str) -> tuple[str, list[Affected]]:
    """Return the commit that `text` names, and the labels that differ from it in the work tree.

    Raises BuildError for an unknown revision, for errors in the work tree, and for a target that was
    deleted since but is still needed.
    """
    with (
        Revision.find(root, text, RULES_FOLDER) as revision,
        tempfile.TemporaryDirectory(prefix="buildgraph-") as folder,
    ):
        work_tree = _WorkTree(revision, root, os.path.join(folder, "skipped"))
        before = _RevisionTree(revision, os.path.join(folder, "base"), work_tree)
        try:
            now = work_tree.evaluate()
        except BuildError as error:
            raise _with_git_advice(error, work_tree, before, text) from None
        try:
            base = before.evaluate()
        except BuildError as error:
            if error.reason in _NOT_OF_TARGETS:
                raise
            first = error.errors[0] if isinstance(error, BuildErrors) else error
            why = f"{text} cannot be compared: {f'{first.at}: ' if first.at else ''}{first.what}"
            return revision.commit, without_base(now, why)
        return revision.commit, compare(base, now)


class _State:
    """A state of the workspace; `names` collects the files that its evaluation read."""

    def __init__(self, revision: Revision, workspace: Workspace) -> None:
        self.revision, self.workspace = revision, workspace
        self.names: set[str] = set()

    def evaluate(self) -> TargetHashes:
        """Hash all targets; raise BuildErrors with every error in them."""
        labels = self.workspace.matching(_ALL)
        analysis = analyse(self.workspace, labels, builtin_rules())
        self.names.update(self.workspace.rule_files, self.workspace.digests)
        rules = {name: str(self.source(name)[0]) for name in sorted(self.workspace.rule_files)}
        targets = {label: self.workspace.target(label) for label in analysis.order}
        read: Hash = self.read
        return hash_targets(analysis, targets, rules, read)

    def read(self, artifact: Artifact) -> tuple[Digest, bool]:
        """Return (digest, is executable) of a source or a shipped tool."""
        if isinstance(artifact, Shipped):
            return self.tool(artifact.name)
        self.names.add(artifact.name)
        return self.source(artifact.name, artifact.at if isinstance(artifact, Source) else None)

    def tool(self, name: str) -> tuple[Digest, bool]:
        """Return (digest, is executable) of a file that ships with buildgraph."""
        raise NotImplementedError

    def source(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """Return (digest, is executable) of a file of the workspace."""
        raise NotImplementedError


class _WorkTree(_State):
    """The work tree. Files that a sparse checkout leaves out are read from the index, as git does."""

    def __init__(self, revision: Revision, root: str, folder: str) -> None:
        self.root = root
        self.skipped = revision.skipped()
        self.files = SourceFiles(root)
        self.folder = os.path.realpath(folder)
        if self.skipped:
            os.mkdir(self.folder)
            write_entries(self.folder, self.skipped, None)
        super().__init__(
            revision, _SparseWorkspace(root, self.folder) if self.skipped else Workspace(root)
        )

    def evaluate(self) -> TargetHashes:
        """Hash all targets; raise BuildError if a file of rules is not checked out."""
        rules = self.workspace.settings.rules
        missing = next((name for name in rules if name in self.skipped), None)
        if missing is not None:
            raise BuildError(
                f"the file of rules {missing!r} is not checked out",
                self.workspace.place("rules", rules.index(missing)),
                f"`git sparse-checkout add {os.path.dirname(missing) or missing}`",
                "source",
            )
        return super().evaluate()

    def tool(self, name: str) -> tuple[Digest, bool]:
        """Hash a file that ships with buildgraph."""
        return self.hash(os.path.join(RULES_FOLDER, name))

    def source(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """Hash a file of the work tree, or of the index if it is not checked out."""
        if name in self.skipped:
            entry = self.skipped[name]
            return entry.origin.repository.digest(entry.name), entry.mode == PROGRAM
        return self.hash(name, at)

    def hash(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
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


class _RevisionTree(_State):
    """The revision. `evaluate` creates `folder` and writes the names of the revision's files there."""

    def __init__(self, revision: Revision, folder: str, work_tree: _WorkTree) -> None:
        self.folder, self.work_tree = os.path.realpath(folder), work_tree
        self.ignored: set[str] = set()
        super().__init__(revision, Workspace(self.folder))
        self.workspace.fetch = lambda name: revision.fill(self.folder, (name,))

    def evaluate(self) -> TargetHashes:
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
        return super().evaluate()

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
        """Hash a shipped tool: the revision's if the repository has it, else this installation's."""
        path = os.path.relpath(os.path.join(RULES_FOLDER, name), self.revision.repository.top)
        return self.revision.digest(path) or self.work_tree.tool(name)

    def source(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """Hash a file of the revision.

        If git would store the file of the work tree as the same object, that file is hashed: its
        content is the object after the user's filters.
        """
        inner = os.path.relpath(os.path.realpath(os.path.join(self.folder, name)), self.folder)
        if inner in self.ignored:
            return self.work_tree.hash(inner)
        path = self.revision.prefix + inner
        entry = self.revision.entries.get(path)
        keeps_modes = self.revision.keeps_modes()
        here = None
        if entry is not None and os.path.isfile(self.work_tree.files.path(inner)):
            here = self.work_tree.hash(inner)
            if self.revision.is_unchanged(path):
                return here[0], entry.mode == PROGRAM if keeps_modes else here[1]
        stored = self.revision.digest(path)
        if stored is None:
            raise BuildError(f"the revision has no file {name!r}", at, reason="source")
        return stored if here is None or keeps_modes else (stored[0], here[1])


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


def _with_git_advice(
    error: BuildError, now: _WorkTree, before: _RevisionTree, text: str
) -> BuildError:
    """Add what git knows to the errors of the work tree: deleted targets, missing submodules."""
    errors = error.errors if isinstance(error, BuildErrors) else (error,)
    base: Mapping[str, str] = {}
    if any(entry.reason == "missing" for entry in errors):
        base = _target_places(before)
    advised = [
        _with_submodule(_with_deleted_target(entry, now, base, text), now.revision)
        for entry in errors
    ]
    return advised[0] if len(advised) == 1 else BuildErrors(advised)


def _target_places(before: _RevisionTree) -> dict[str, str]:
    """Map the labels of the revision to their places; empty if it cannot be evaluated."""
    try:
        targets = before.evaluate().targets
    except BuildError:
        return {}
    return {str(label): str(target.place()) for label, target in targets.items()}


def _with_deleted_target(
    error: BuildError, now: _WorkTree, base: Mapping[str, str], text: str
) -> BuildError:
    label = error.what.removeprefix("no target ")
    if error.reason != "missing" or label not in base:
        return error
    user = _target_at(error.at, now.workspace)
    return BuildError(
        f"{user or 'a target'} needs {label}, which was deleted since {text}",
        error.at,
        f"it was at {base[label]}: restore it, or remove the dependency",
        "missing",
    )


def _target_at(at: Location | None, workspace: Workspace) -> Label | None:
    """Return the target whose table contains a place."""
    if at is None:
        return None
    try:
        labels = workspace.matching(_ALL)
    except BuildError:
        return None
    places = [(workspace.target(label).place(), label) for label in labels]
    above = [
        (place.line, label)
        for place, label in places
        if place.path == at.path and place.line <= at.line
    ]
    return max(above)[1] if above else None


def _with_submodule(error: BuildError, revision: Revision) -> BuildError:
    """Add the command that checks out the submodule of a missing file."""
    match = re.fullmatch(r"no file (?:matches )?'(.*)'", error.what)
    if error.reason != "source" or match is None or error.at is None:
        return error
    path = revision.prefix + join(os.path.dirname(error.at.path), match[1])
    for module in revision.not_checked_out:
        if f"{path}/".startswith(f"{module}/"):
            return BuildError(
                error.what,
                error.at,
                f"{module} is a submodule that is not checked out: "
                f"`git -C {revision.repository.top} submodule update --init {module}`",
                "source",
            )
    return error
