"""What can go wrong, said for the person who must mend it: what, where, and what to do."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable

OK, FAILED, USAGE, BROKEN, ENVIRONMENT, BUG, INTERRUPTED = 0, 1, 2, 3, 30, 70, 130


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
        return {"failed": FAILED, "broken": BROKEN, "environment": ENVIRONMENT}.get(
            self.reason, USAGE
        )


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
