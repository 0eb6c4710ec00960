"""A request: the labels to build, and the options of the build."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Request(Record):
    """The label patterns to build, and the options of the build.

    `jobs` is the number of actions that run at the same time; 0 means one for each core. `sandbox`
    is the level at which actions run, or empty for the best that works. Outputs are also copied to
    the folder `out`, if it is given. `package` is the one to which relative labels belong.
    If `strict`, a gate that is "not checked" fails the build. With `evidence` the verdicts of gates
    are reported with their evidence.
    `on_finish` is called with the executor and the exit code after the build, and returns the exit
    code.
    """

    patterns: tuple[str, ...]
    jobs: int = 0
    keep_going: bool = False
    sandbox: str = ""
    sandbox_debug: bool = False
    out: str = ""
    gates: bool = True
    package: str = ""
    strict: bool = False
    evidence: bool = False
    list_all: bool = False  # report all outputs, not only those that changed
    on_finish: Callable[[Any, int], int] | None = None

    @property
    def can_use_manifest(self) -> bool:
        """True if `words` describe the request, so a manifest can answer it the next time."""
        return not (self.sandbox_debug or self.out or self.on_finish)

    @property
    def words(self) -> tuple[str, ...]:
        """Patterns and options that determine the outputs, besides the files and the host."""
        options = ("--no-gates", *self.patterns) if not self.gates else self.patterns
        return (f"--sandbox={self.sandbox}", *options) if self.sandbox else options
