"""Facts of a build, in the order they happened. Console, lines, JSON and tests are listeners of the same stream."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record
from .digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, TypeAlias


@record
class Planned:
    """Analysis is done: how many actions and gates the request needs at most, and the sandbox they run in.

    `chains` are, by the number of the action, the milliseconds that it and the longest chain behind it are expected to
    run; empty when no build of the workspace is remembered.
    """

    labels: tuple[str, ...]
    actions: int
    gates: int
    sandbox: str
    chains: tuple[int, ...] = ()


@record
class Started:
    """An action began to run (it was not in the store)."""

    number: int
    label: str
    title: str


@record
class Done:
    """An action's result is known: it `ran`, was a `hit` of the store, or was `shared` with an equal action.

    `key` is the digest that names the result, as `<hash>/<size>`; `milliseconds` is how long it ran, now or when it was
    made; `place` is that of the action among those of its label that have the same title, from 1 on.
    """

    number: int
    label: str
    title: str
    how: Literal["ran", "hit", "shared"]
    key: str
    milliseconds: int
    place: int = 1


@record
class Failed:
    """An action did not succeed: why in one line, its log, and the command that runs it again by hand (or nothing).

    One that `refused` what the user wrote is followed by its faults, which its log does not hold.
    """

    number: int
    label: str
    title: str
    why: str
    log: str
    reproducer: str
    refused: bool = False


@record
class Fault:
    """A fault in what the user wrote that an action found: like one of BUILD.toml, with the text that is printed of it.

    `at` has the path, line and column, or is None.
    """

    label: str
    what: str
    at: dict[str, str | int] | None
    fix: str
    reason: str
    rendered: str


@record
class Skipped:
    """An action did not run because `because` failed before it."""

    number: int
    label: str
    title: str
    because: str


@record
class Judged:
    """A gate's verdict; "not checked" says what was missing here, "failed" why."""

    label: str
    gate: str
    verdict: Literal["passed", "failed", "not checked"]
    why: str = ""


@record
class Warned:
    """Something the user should know that stopped nothing."""

    text: str


@record
class Built:
    """A requested output stands in the workspace: `path` is below `out/`, `bytes` its whole size.

    `image` is the OCI manifest digest (`sha256:...`) when the output is an image layout, else empty.
    """

    label: str
    name: str
    path: str
    digest: Digest
    bytes: int
    image: str = ""


@record
class Finished:
    """The build's end: exit code and the counts of its actions, in milliseconds of wall time.

    `untold` is how many targets stand as before without an event that tells of them.
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
