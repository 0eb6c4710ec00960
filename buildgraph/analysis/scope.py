"""The meaning of texts in a target's table: labels, files and globs, seen from its package."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from ..types.errors import BuildError
from ..types.label import Label
from ..types.provider import Provider
from .placeholders import FileRefs, LabelRef, LabelRefs

Kinds: TypeAlias = tuple[type[Provider], ...]


class Scope(Protocol):
    """Resolves the texts of a table. The methods raise BuildError, without a place."""

    def labels(self, text: str, kinds: Kinds) -> LabelRefs:
        """Return the targets that a label or pattern names and that provide one of `kinds`."""

    def artifact(self, text: str) -> LabelRef | FileRefs:
        """Return the file that a path names, or the output that a label names."""

    def files(self, glob: str) -> FileRefs:
        """Return the files that a glob matches."""

    def label(self, text: str) -> Label:
        """Parse a label that is used as a name only."""


def single_target(scope: Scope, text: str, kinds: Kinds) -> LabelRef:
    """Return the one target that a text names; raise BuildError if it is a pattern of several."""
    targets = scope.labels(text, kinds)
    if targets.negative or len(targets.refs) != 1:
        raise BuildError(
            f"must be one target, but {text} is a pattern of {len(targets.refs)}",
            fix="name one of them",
        )
    return targets.refs[0]


def source_file(scope: Scope, text: str) -> FileRefs:
    """Return the file that a path names; raise BuildError for a label."""
    artifact = scope.artifact(text)
    if not isinstance(artifact, FileRefs):
        raise BuildError(
            "must be the path of a file, not a label",
            fix="a path is relative to the folder of BUILD.toml",
        )
    return artifact
