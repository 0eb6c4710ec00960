"""What can go wrong, said for the person who must mend it: what, where, and what to do."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable

OK, FAILED, USAGE, BROKEN, ENVIRONMENT, BUG, INTERRUPTED = 0, 1, 2, 3, 30, 70, 130
# For programs: the exit code and the meaning of each `reason` of an error. A reason keeps its meaning between versions.
REASONS = {
    "usage": (USAGE, "The command line is wrong: a verb, an option, its value or a label."),
    "workspace": (
        USAGE,
        "There is no workspace: no usable `BUILD.toml` with a `[workspace]` table here or above.",
    ),
    "toml": (USAGE, "A `BUILD.toml` is not valid TOML."),
    "table": (
        USAGE,
        "A table of `BUILD.toml` cannot be a target or a group of targets, or `[workspace]` is wrong.",
    ),
    "label": (USAGE, "A text is not a valid label."),
    "twice": (USAGE, "Two targets have the same label, or labels that differ only in case."),
    "missing": (USAGE, "No target has this label, or none matches this pattern."),
    "key": (USAGE, "The rule of a target has no such key."),
    "missing-key": (USAGE, "A target lacks a key that its rule requires."),
    "value": (USAGE, "The value of a key has the wrong type, or is not one of those allowed."),
    "kind": (USAGE, "A label names a target of another kind than the key takes."),
    "output": (
        USAGE,
        "A label names an output that its target does not have, or not exactly one file.",
    ),
    "matrix": (
        USAGE,
        "A matrix is not a table of lists, has too many cells, or gives two targets one name.",
    ),
    "path": (USAGE, "A path or a glob is not valid."),
    "source": (
        USAGE,
        "A source file is missing, is outside of the workspace, or is not a regular file.",
    ),
    "cycle": (USAGE, "Targets depend on each other in a cycle."),
    "rule": (
        USAGE,
        "A rule is unknown, or is defined wrongly, or declares an action that cannot run.",
    ),
    "input": (USAGE, "A rule refuses the values of a target."),
    "refused": (
        USAGE,
        "A tool of buildgraph refuses the content of an input, such as a model, a link or a budget.",
    ),
    "failed": (FAILED, "An action, a container or Docker failed."),
    "broken": (
        BROKEN,
        "A guarantee was violated: stored data is damaged, or inputs kept changing during the build.",
    ),
    "environment": (
        ENVIRONMENT,
        "The machine lacks something: space on a disk, a permission, memory or a program.",
    ),
}


@record(order=True)
class Location:
    """A place in a file the user wrote: path relative to the workspace, 1-based line and column (0: unknown)."""

    path: str
    line: int = 0
    column: int = 0
    length: int = 1

    def resolved(self) -> Location:
        """The place itself, where this stands for one that was not looked for yet."""
        return self

    def __str__(self) -> str:
        parts = [self.path] + [str(n) for n in (self.line, self.column) if n]
        return ":".join(parts)


class BuildError(Exception):
    """A fault that the user can mend: one sentence, its place, the way out, and a reason tests can match."""

    def __init__(
        self, what: str, at: Location | None = None, fix: str = "", reason: str = "input"
    ) -> None:
        super().__init__(what)
        self.what, self.at, self.fix, self.reason = what, at and at.resolved(), fix, reason

    @property
    def code(self) -> int:
        """Exit code of the class of fault that `reason` names."""
        # Rules of a workspace may use reasons of their own.
        return REASONS[self.reason][0] if self.reason in REASONS else USAGE


class BuildErrors(BuildError):
    """All the faults found at once, in the order of their places."""

    def __init__(self, faults: Iterable[BuildError]) -> None:
        self.errors = tuple(sorted(faults, key=lambda fault: fault.at or Location("")))
        super().__init__(
            f"{len(self.errors)} faults", self.errors[0].at, reason=self.errors[0].reason
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The hint for a misspelt word, or an empty string when nothing known is near."""
    from .similar_names import did_you_mean as nearest  # for a mistake only

    return nearest(word, known)
