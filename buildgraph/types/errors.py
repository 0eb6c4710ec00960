"""Errors that a user can correct, as data: what is wrong, the location, and what to do."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

OK, FAILED, USAGE, BROKEN, ENVIRONMENT, BUG, INTERRUPTED = 0, 1, 2, 3, 30, 70, 130
"""Exit codes: success, a failed action or gate, an invalid input or command line, a violated
guarantee (a damaged cache, outputs that differ between runs), an unsuitable host, a defect of
buildgraph, and a signal."""
# For programs: the exit code and the meaning of each `reason` of an error. A reason keeps its
# meaning between versions.
REASONS = {
    "usage": (USAGE, "The command line is wrong: a verb, an option, its value or a label."),
    "workspace": (
        USAGE,
        "There is no workspace: no usable `BUILD.toml` with a `[workspace]` table here or above.",
    ),
    "toml": (USAGE, "A `BUILD.toml` is not valid TOML."),
    "table": (
        USAGE,
        "A table of `BUILD.toml` cannot be a target or a group of targets, "
        "or `[workspace]` is wrong.",
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
        "A tool of buildgraph refuses the content of an input, "
        "such as a model, a link or a budget.",
    ),
    "cache-file": (
        USAGE,
        "A file was not written by `cache export`, or it is damaged.",
    ),
    "signing-key": (
        USAGE,
        "A file is not a usable Ed25519 key, or a private key is where others can read it.",
    ),
    "dirty": (
        USAGE,
        "The work tree differs from its commit, or a target reads a file that no commit has.",
    ),
    "released": (USAGE, "A tag of a release exists with other content."),
    "lock": (USAGE, "The tools of this machine differ from `buildgraph.lock`."),
    "gate": (
        FAILED,
        "A gate had to be checked and was not, or a release has a gate that did not pass.",
    ),
    "failed": (FAILED, "An action, a container or Docker failed."),
    "broken": (
        BROKEN,
        "A guarantee was violated: stored data is damaged, "
        "or inputs kept changing during the build.",
    ),
    "signature": (
        BROKEN,
        "A signature is missing, does not match the content, or is not by a trusted key.",
    ),
    "verify": (
        BROKEN,
        "A release differs from what was signed, tagged, or recorded in the ledger.",
    ),
    "environment": (
        ENVIRONMENT,
        "The machine lacks something: space on a disk, a permission, memory or a program.",
    ),
}


class Location(Record, order=True):
    """A place in a file that the user wrote.

    `path` is relative to the workspace. `line` and `column` count characters from 1; 0 means
    unknown. `length` is the number of characters to underline.
    """

    path: str
    line: int = 0
    column: int = 0
    length: int = 1

    def resolved(self) -> Location:
        """The location itself. A subclass that is determined at its first use overrides this."""
        return self

    def __str__(self) -> str:
        parts = [self.path] + [str(n) for n in (self.line, self.column) if n]
        return ":".join(parts)


class BuildError(Exception):
    """An error that the user can correct.

    `what` is one sentence, `at` is its location or None, and `fix` says what to do. `reason` is a
    word for programs and tests: it never changes with the wording, and it determines the exit code.
    """

    def __init__(
        self, what: str, at: Location | None = None, fix: str = "", reason: str = "input"
    ) -> None:
        super().__init__(what)
        self.what, self.at, self.fix, self.reason = what, at and at.resolved(), fix, reason

    @property
    def code(self) -> int:
        """The exit code for `reason`."""
        # Rules of a workspace may use reasons of their own.
        return REASONS[self.reason][0] if self.reason in REASONS else USAGE


class BuildErrors(BuildError):
    """Several errors that were detected together, sorted by location; at least one."""

    def __init__(self, errors: Iterable[BuildError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.at or Location("")))
        super().__init__(
            f"{len(self.errors)} errors", self.errors[0].at, reason=self.errors[0].reason
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint such as "did you mean 'hardware'?"; empty if no known word is similar."""
    from .similar_names import did_you_mean as find_similar  # imports difflib: only after an error

    return find_similar(word, known)
