"""Events of a build, in the order in which they happen.

Console, plain progress, JSON, logs and tests are listeners of the same stream.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import Record
from .digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, TypeAlias


class Planned(Record):
    """The analysis is done.

    `actions` and `gates` are the largest numbers that the request can need. `sandbox` is the level
    at which actions run. `chains` has for each action, by its number, the milliseconds that it and
    the longest chain of actions that depend on it are expected to run. It is empty if no earlier
    build was recorded.
    """

    labels: tuple[str, ...]
    actions: int
    gates: int
    sandbox: str
    chains: tuple[int, ...] = ()


class Started(Record):
    """An action started, because its result is not in the store."""

    number: int
    label: str
    title: str


class Done(Record):
    """The result of an action is known.

    The action `ran`, was a `hit` in the store, or was `shared` with an equal action.

    `key` is the digest of the action, as `<hash>/<size>`. `milliseconds` is its wall time, in this
    build or in the one that ran it. `place` counts the actions of the label that have the same
    title, from 1.
    """

    number: int
    label: str
    title: str
    how: Literal["ran", "hit", "shared"]
    key: str
    milliseconds: int
    place: int = 1


class Failed(Record):
    """An action failed, with the reason `why` in one line.

    `reproducer` is a command that runs it again, or empty. If the tool `refused` the user's input,
    a `Fault` for each error follows, and the log does not contain them.
    """

    number: int
    label: str
    title: str
    why: str
    log: str
    reproducer: str
    refused: bool = False


class Fault(Record):
    """An error in the user's input that a tool reported, with the text that is printed for it.

    `at` has the path, line, column and length, or is None.
    """

    label: str
    what: str
    at: dict[str, str | int] | None
    fix: str
    reason: str
    rendered: str


class Skipped(Record):
    """An action was not started, because the action `because` failed."""

    number: int
    label: str
    title: str
    because: str


class Judged(Record):
    """The verdict of a gate.

    `why` gives the reason for "failed", or the missing program for "not checked". `evidence` is the
    document that the gate wrote, in the builds of `test`.
    """

    label: str
    gate: str
    verdict: Literal["passed", "failed", "not checked"]
    why: str = ""
    evidence: dict[str, Any] | None = None


class Warned(Record):
    """A warning for the user; the build continues."""

    text: str


class Built(Record):
    """A requested output was written to the workspace.

    `path` is below `out/`, and `bytes` is its size. `image` is the digest of the OCI manifest
    (`sha256:...`) if the output is an image layout, otherwise empty.
    """

    label: str
    name: str
    path: str
    digest: Digest
    bytes: int
    image: str = ""


class Finished(Record):
    """The build is finished, with its exit code, the counts of its actions, and its wall time.

    `unchanged` is True if no output changed. `unlisted` is the number of unchanged targets without
    a Built event.
    """

    code: int
    ran: int
    hits: int
    shared: int
    failed: int
    skipped: int
    milliseconds: int
    unchanged: bool = False
    unlisted: int = 0


Event: TypeAlias = (
    "Planned | Started | Done | Failed | Fault | Skipped | Judged | Warned | Built | Finished"
)
Listener: TypeAlias = "Callable[[Event], None]"
