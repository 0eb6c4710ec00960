"""The two states that `affected` compares: a revision out of git's objects, and the work tree as it stands."""
from __future__ import annotations

import os
import tempfile

from .affected import Affected, compare, without_base
from .analysis import analyse
from .digest import Digest
from .errors import BuildError, BuildErrors
from .evaluated import Evaluated, Hash, evaluated
from .label import Label, Pattern
from .root import BUILD
from .host import SHIPPED
from .loading import registry
from .model import Artifact, Shipped
from .revision import Revision
from .source import Sources
from .workspace import Workspace

_ALL = Pattern("", None, True, False)


def affected_since(root: str, text: str) -> tuple[str, list[Affected]]:
    """The commit that `text` names, and every label of the workspace that is not what it was there.

    BuildError for a revision that is not here, for faults of the work tree, and for a target that is gone but needed.
    """
    with Revision.find(root, text) as revision, tempfile.TemporaryDirectory(prefix="buildgraph-") as folder:
        revision.write(folder)
        if not os.path.exists(os.path.join(folder, BUILD)):
            raise BuildError(f"there was no workspace here at {text!r}", None,
                             "name a revision that has a BUILD.toml, or build //...", "usage")
        old, now = Workspace(folder), Workspace(root)
        try:
            base = _evaluated(old, _Then(revision, root, folder))
        except BuildError as fault:
            first = fault.faults[0] if isinstance(fault, BuildErrors) else fault
            why = f"{text} cannot be compared: {f'{first.at}: ' if first.at else ''}{first.what}"
            return revision.commit, without_base(_evaluated(now, _Now(root)), why)
        try:
            return revision.commit, compare(base, _evaluated(now, _Now(root)))
        except BuildError as fault:
            raise _gone(fault, now, base, text) from fault


def _evaluated(workspace: Workspace, files: _Now) -> Evaluated:
    files.prepare(workspace.settings.rules)
    labels = workspace.matching(_ALL)
    analysis = analyse(workspace, labels, registry())
    rules = {name: str(files.source(name)[0]) for name in sorted(workspace.rule_files)}
    read: Hash = files.read
    return evaluated(analysis, {label: workspace.target(label) for label in analysis.order}, rules, read)


class _Now:
    """Digests of files as they stand in the work tree."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.files = Sources(root)

    def prepare(self, rules: tuple[str, ...]) -> None:
        """Make files of rules readable."""

    def read(self, artifact: Artifact) -> tuple[Digest, bool]:
        """The digest of a source or a shipped tool, and whether it is executable."""
        return self.tool(artifact.name) if isinstance(artifact, Shipped) else self.source(artifact.name)

    def tool(self, name: str) -> tuple[Digest, bool]:
        """A file that ships with buildgraph."""
        return self.files.digest(os.path.join(SHIPPED, name))

    def source(self, name: str) -> tuple[Digest, bool]:
        """A file of the workspace."""
        return self.files.digest(name)


class _Then(_Now):
    """Digests of files as they stood at a revision; `folder` has its names."""

    def __init__(self, revision: Revision, root: str, folder: str) -> None:
        super().__init__(root)
        self.revision, self.folder = revision, os.path.realpath(folder)

    def prepare(self, rules: tuple[str, ...]) -> None:
        """Fill files of rules."""
        self.revision.fill(self.folder, rules)

    def tool(self, name: str) -> tuple[Digest, bool]:
        """Tools that are no part of the repository are those of this installation, then as now."""
        kept = self.revision.digest(os.path.relpath(os.path.join(SHIPPED, name), self.revision.top))
        return kept or super().tool(name)

    def source(self, name: str) -> tuple[Digest, bool]:
        """A file of the revision; what git would store as the same object is the same, whatever filters make of it."""
        path = os.path.relpath(os.path.realpath(os.path.join(self.folder, name)), self.folder)
        kept = self.revision.digest(self.revision.prefix + path)
        if kept is None:
            raise BuildError(f"{name!r} is no file of the revision", None, "", "source")
        if os.path.isfile(self.files.path(name)):
            here = self.files.digest(name)
            if here[0] != kept[0] and self.revision.stands(self.revision.prefix + path):
                return here[0], kept[1]
        return kept


def _gone(fault: BuildError, now: Workspace, base: Evaluated, text: str) -> BuildError:
    """The faults of the work tree; a target that is missing now and stood there at the revision is said to be gone."""
    faults = fault.faults if isinstance(fault, BuildErrors) else (fault,)
    told = [_said(one, now, base, text) for one in faults]
    return told[0] if len(told) == 1 else BuildErrors(told)


def _said(fault: BuildError, now: Workspace, base: Evaluated, text: str) -> BuildError:
    word = fault.what.removeprefix("no target ")
    gone = next((label for label in base.targets if str(label) == word), None)
    if fault.reason != "missing" or gone is None:
        return fault
    user = _writer(fault, now)
    what = f"{user or 'a target'} needs {gone}, which is gone since {text}"
    stood = base.targets[gone].place()
    return BuildError(what, fault.at, f"it stood at {stood}: bring it back, or cut the dependency", "missing")


def _writer(fault: BuildError, now: Workspace) -> Label | None:
    """The target in whose table a fault stands."""
    try:
        labels = now.matching(_ALL) if fault.at else []
    except BuildError:
        return None
    places = [(now.target(label).place(), label) for label in labels]
    above = [(place.line, label) for place, label in places
             if fault.at and place.path == fault.at.path and place.line <= fault.at.line]
    return max(above)[1] if above else None
