"""Errors that a user can correct, as data: what is wrong, the location, and what to do."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable

OK, FAILED, USAGE, BROKEN, ENVIRONMENT, BUG, INTERRUPTED = 0, 1, 2, 3, 30, 70, 130
"""Exit codes: success, a failed action or gate, an invalid input or command line, a violated
guarantee (a damaged cache, outputs that differ between runs), an unsuitable host, a defect of
buildgraph, and a signal."""


@record(order=True)
class Location:
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
        return {"failed": FAILED, "broken": BROKEN, "environment": ENVIRONMENT}.get(
            self.reason, USAGE
        )


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
