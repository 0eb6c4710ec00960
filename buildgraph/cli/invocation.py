"""The invocation: the workspace of the current folder, and the labels and patterns of the user."""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..types.errors import BuildError
from ..types.label import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal


def ci_service(environ: Mapping[str, str]) -> Literal["", "github", "gitlab"]:
    """The CI service whose job runs this process, from the variable that the service sets."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "gitlab" if environ.get("GITLAB_CI") == "true" else ""


class Invocation(Record):
    """The workspace's root and the package of the current folder."""

    root: str
    package: str

    @classmethod
    def find(cls) -> Invocation:
        """Find the nearest workspace at or above the current folder; raise BuildError if none."""
        from ..workspace.root import find_root

        folder = os.getcwd()
        root = find_root(folder)
        inner = os.path.relpath(os.path.realpath(folder), os.path.realpath(root)).replace(
            os.sep, "/"
        )
        return cls(root, "" if inner == "." else inner)

    def patterns(self, words: Iterable[str]) -> tuple[str, ...]:
        """Return the patterns as typed; BuildError when there are none."""
        patterns = tuple(words)
        if not patterns:
            raise BuildError(
                "no target is named",
                fix="name some, such as //exports:jetson, :page or //... for all",
                reason="usage",
            )
        return patterns

    def label(self, word: str) -> Label:
        """Parse one label as typed in the current folder; BuildError when it is not valid."""
        try:
            return Label.parse(word, self.package)
        except BuildError as error:
            from ..workspace.workspace import Workspace

            raise Workspace(self.root).with_suggestions(error, word, self.package) from None
