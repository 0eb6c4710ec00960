"""The two states that `affected` compares: a revision out of git's objects, and the work tree as it stands."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping

from ..analysis.analysis import analyse
from ..analysis.builtin_rules import builtin_rules
from ..host.environment import SHIPPED
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
from .git_revision import Revision, write_entries
from .target_hash import Hash, TargetHashes, hash_targets

_ALL = Pattern("", None, True, False)
_NOT_OF_TARGETS = ("usage", "broken", "environment")  # reasons of faults in a repository or machine
_TRIES = 10  # for a file that changes while it is hashed


def affected_since(root: str, text: str) -> tuple[str, list[Affected]]:
    """The commit that `text` names, and every label of the workspace that is not what it was there.

    BuildError for a revision that is not here, for faults of the work tree, and for a target that is gone but needed.
    """
    with (
        Revision.find(root, text, SHIPPED) as revision,
        tempfile.TemporaryDirectory(prefix="buildgraph-") as folder,
    ):
        now = _WorkTree(revision, root, os.path.join(folder, "skipped"))
        try:
            after = now.evaluate()
        except BuildError as fault:
            raise _explained(
                fault, now, _Before(revision, os.path.join(folder, "base"), now), text
            ) from None
        before = _Before(revision, os.path.join(folder, "base"), now)
        try:
            base = before.evaluate()
        except BuildError as fault:
            if fault.reason in _NOT_OF_TARGETS:
                raise
            first = fault.errors[0] if isinstance(fault, BuildErrors) else fault
            why = f"{text} cannot be compared: {f'{first.at}: ' if first.at else ''}{first.what}"
            return revision.commit, without_base(after, why)
        return revision.commit, compare(base, after)


class _State:
    """One state of the workspace: targets in `workspace`, and files that `read` knows by their digests."""

    def __init__(self, revision: Revision, workspace: Workspace) -> None:
        self.revision, self.workspace = revision, workspace
        self.names: set[str] = set()

    def evaluate(self) -> TargetHashes:
        """All targets; BuildErrors for every fault in them."""
        labels = self.workspace.matching(_ALL)
        analysis = analyse(self.workspace, labels, builtin_rules())
        self.names.update(self.workspace.rule_files, self.workspace.digests)
        rules = {name: str(self.source(name)[0]) for name in sorted(self.workspace.rule_files)}
        read: Hash = self.read
        return hash_targets(
            analysis, {label: self.workspace.target(label) for label in analysis.order}, rules, read
        )

    def read(self, artifact: Artifact) -> tuple[Digest, bool]:
        """The digest of a source or a shipped tool, and whether it is executable."""
        if isinstance(artifact, Shipped):
            return self.tool(artifact.name)
        self.names.add(artifact.name)
        return self.source(artifact.name, artifact.at if isinstance(artifact, Source) else None)

    def tool(self, name: str) -> tuple[Digest, bool]:
        """A file that ships with buildgraph."""
        raise NotImplementedError

    def source(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """A file of the workspace."""
        raise NotImplementedError


class _WorkTree(_State):
    """The work tree; what a sparse checkout leaves out is what the index has, as it is for git."""

    def __init__(self, revision: Revision, root: str, folder: str) -> None:
        self.root = root
        self.skipped = revision.skipped()
        self.files = SourceFiles(root)
        self.folder = os.path.realpath(folder)
        if self.skipped:
            os.mkdir(self.folder)
            write_entries(self.folder, self.skipped, None)
        super().__init__(revision, _Sparse(root, self.folder) if self.skipped else Workspace(root))

    def evaluate(self) -> TargetHashes:
        """All targets; a file of rules has to be checked out."""
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
        """A file that ships with buildgraph."""
        return self.hash(os.path.join(SHIPPED, name))

    def source(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """A file of the work tree, or one of the index that is not checked out."""
        if name in self.skipped:
            found = self.skipped[name]
            return found.origin.repository.digest(found.name), found.mode == "100755"
        return self.hash(name, at)

    def hash(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """A file that is there; one that changes while it is read is read again."""
        for _ in range(_TRIES):
            try:
                return self.files.digest(name, at)
            except SourceChanged:
                continue
        raise BuildError(
            f"{name!r} changes all the time", at, "try again when it is complete", "source"
        )


class _Before(_State):
    """The revision; `folder` has the names of its files, and is made when it is evaluated."""

    def __init__(self, revision: Revision, folder: str, now: _WorkTree) -> None:
        self.folder, self.now = os.path.realpath(folder), now
        self.same: set[str] = set()
        super().__init__(revision, Workspace(self.folder))
        self.workspace.fetch = lambda name: revision.fill(self.folder, (name,))

    def evaluate(self) -> TargetHashes:
        """All targets of the revision; BuildError when it has no workspace."""
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
        """Files that git ignores have no history: what the work tree has of them was there before, too."""
        for name in self.revision.ignored(sorted(self.now.names)):
            target = os.path.join(self.folder, name)
            if os.path.lexists(target) or not os.path.isfile(os.path.join(self.now.root, name)):
                continue
            try:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with (
                    open(target, "xb") as file,
                    open(os.path.join(self.now.root, name), "rb") as given,
                ):
                    if name in self.now.workspace.digests:
                        file.write(given.read())
            except (FileExistsError, NotADirectoryError):
                continue  # the revision has something else in its place
            self.same.add(name)

    def tool(self, name: str) -> tuple[Digest, bool]:
        """Tools that are no part of the repository are those of this installation, before as now."""
        path = os.path.relpath(os.path.join(SHIPPED, name), self.revision.repository.top)
        return self.revision.digest(path) or self.now.tool(name)

    def source(self, name: str, at: Location | None = None) -> tuple[Digest, bool]:
        """A file of the revision; what git would store as the same object is the same, whatever filters make of it."""
        inner = os.path.relpath(os.path.realpath(os.path.join(self.folder, name)), self.folder)
        if inner in self.same:
            return self.now.hash(inner)
        path = self.revision.prefix + inner
        entry = self.revision.entries.get(path)
        here = None
        if entry is not None and os.path.isfile(self.now.files.path(inner)):
            here = self.now.hash(inner)
            if self.revision.is_unchanged(path):
                return here[0], here[
                    1
                ] if not self.revision.keeps_modes() else entry.mode == "100755"
        kept = self.revision.digest(path)
        if kept is None:
            raise BuildError(f"{name!r} is no file of the revision", at, reason="source")
        return kept if here is None or self.revision.keeps_modes() else (kept[0], here[1])


class _Overlay(FileTree):
    """The folders of a workspace with files from another folder among them."""

    def __init__(self, root: str, extra: str) -> None:
        super().__init__(root)
        self._extra = FileTree(extra)
        self._merged: dict[str, dict[str, os.DirEntry[str]]] = {}

    def entries(self, folder: str) -> dict[str, os.DirEntry[str]]:
        """The entries of both, by name, sorted; what is in the workspace comes first."""
        if folder not in self._merged:
            both = {**self._extra.entries(folder), **super().entries(folder)}
            self._merged[folder] = dict(sorted(both.items()))
        return self._merged[folder]


class _Sparse(Workspace):
    """A workspace some of whose files are in another folder, because they are not checked out."""

    def __init__(self, root: str, extra: str) -> None:
        super().__init__(root)
        self.file_tree = _Overlay(root, extra)
        self._extra = extra

    def _bytes(self, entry: os.DirEntry[str], path: str) -> bytes:
        if not entry.path.startswith(self._extra + os.sep):
            return super()._bytes(entry, path)
        with open(entry.path, "rb") as file:
            return file.read()


def _explained(fault: BuildError, now: _WorkTree, before: _Before, text: str) -> BuildError:
    """The faults of the work tree, with what git knows of them: targets that are gone, submodules not checked out."""
    faults = fault.errors if isinstance(fault, BuildErrors) else (fault,)
    base: Mapping[str, str] = {}
    if any(one.reason == "missing" for one in faults):
        base = _places(before)
    found = [_with_submodule(_with_gone(one, now, base, text), now.revision) for one in faults]
    return found[0] if len(found) == 1 else BuildErrors(found)


def _places(before: _Before) -> dict[str, str]:
    """Where each target of the revision was written; none when it cannot be read."""
    try:
        return {
            str(label): str(target.place()) for label, target in before.evaluate().targets.items()
        }
    except BuildError:
        return {}


def _with_gone(fault: BuildError, now: _WorkTree, base: Mapping[str, str], text: str) -> BuildError:
    gone = fault.what.removeprefix("no target ")
    if fault.reason != "missing" or gone not in base:
        return fault
    user = _writer(fault, now.workspace)
    what = f"{user or 'a target'} needs {gone}, which is gone since {text}"
    return BuildError(
        what,
        fault.at,
        f"it was at {base[gone]}: bring it back, or remove the dependency",
        "missing",
    )


def _writer(fault: BuildError, now: Workspace) -> Label | None:
    """The target in whose table a fault is."""
    try:
        labels = now.matching(_ALL) if fault.at else []
    except BuildError:
        return None
    places = [(now.target(label).place(), label) for label in labels]
    above = [
        (place.line, label)
        for place, label in places
        if fault.at and place.path == fault.at.path and place.line <= fault.at.line
    ]
    return max(above)[1] if above else None


def _with_submodule(fault: BuildError, revision: Revision) -> BuildError:
    """A fault that a file is missing, with the way to get it where it is in a submodule that is not checked out."""
    named = re.fullmatch(r"no file (?:matches )?'(.*)'", fault.what)
    if fault.reason != "source" or named is None or fault.at is None:
        return fault
    path = revision.prefix + join(os.path.dirname(fault.at.path), named[1])
    for module in revision.not_checked_out:
        if f"{path}/".startswith(f"{module}/"):
            return BuildError(
                fault.what,
                fault.at,
                f"{module} is a submodule that is not checked out: "
                f"`git -C {revision.repository.top} submodule update --init {module}`",
                "source",
            )
    return fault
