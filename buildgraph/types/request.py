"""A request: the labels to build and the options that decide how."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


@record
class Request:
    """What to build and how: label patterns, threads (0: one a core), where it may run, what to do on failure."""

    patterns: tuple[str, ...]
    jobs: int = 0
    keep_going: bool = False
    sandbox: str = ""
    sandbox_debug: bool = False
    out: str = ""
    gates: bool = True
    package: str = ""
    list_all: bool = False  # report all outputs, not only those that changed
    on_finish: Callable[[Any, int], int] | None = (
        None  # what looks at the build when it is done, and its exit code
    )

    @property
    def only_patterns(self) -> bool:
        """Whether its words say all that is asked for, so that a receipt may answer them the next time."""
        return not (self.sandbox_debug or self.out or self.on_finish)

    @property
    def words(self) -> tuple[str, ...]:
        """What decides, apart from files and host, what must stand when it is done."""
        options = ("--no-gates", *self.patterns) if not self.gates else self.patterns
        return (f"--sandbox={self.sandbox}", *options) if self.sandbox else options
