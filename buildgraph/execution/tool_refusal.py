"""What a shipped tool finds wrong in what the user wrote, told as a fault of BUILD.toml is.

Such a tool fails, and a line of its log says what it refuses, and which value of the target's table is to blame
(`rules/tools/refusal.py`). Commands of users have no part in this.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record
from ..sandbox.job import FLAGS
from ..types.action import Shipped
from ..types.errors import BuildError, Location

if TYPE_CHECKING:
    from ..types.action import Action
    from ..types.label import Label

_MARK = "refused: "


@record
class ToolRefusal:
    """What is wrong, the path of keys to the value in the target's table, and what to do."""

    what: str
    path: tuple[str | int, ...]
    fix: str


def parse_refusals(action: Action, log: str) -> tuple[tuple[ToolRefusal, ...], str]:
    """What an action refuses, and the rest of its log; nothing and the whole log where it failed in another way."""
    tool = (
        action.argv[4]
        if action.argv[:1] == ("python3",) and action.argv[1:4] == FLAGS and len(action.argv) > 4
        else ""
    )
    if not isinstance(dict(action.inputs).get(tool), Shipped):
        return (), log
    lines = log.splitlines()
    at = max((number for number, line in enumerate(lines) if line.startswith(_MARK)), default=-1)
    if at < 0:
        return (), log
    import json

    try:
        said = json.loads(lines[at].removeprefix(_MARK))
        found = tuple(
            ToolRefusal(str(row["what"]), tuple(row["at"]), str(row["fix"]))
            for row in said["faults"]
        )
        first = max(0, at - int(said["lines"]))
    except (ValueError, KeyError, TypeError):
        return (), log
    return found, "".join(f"{line}\n" for line in (*lines[:first], *lines[at + 1 :]))


def to_errors(
    root: str, owner: Label | None, at: Location | None, refusal: ToolRefusal
) -> BuildError:
    """A refusal as a fault at its place in BUILD.toml as it is now; `at` is the target's, should that not be found."""
    from ..workspace.workspace import Workspace

    what = (
        refusal.what if owner is None or str(owner) in refusal.what else f"{owner}: {refusal.what}"
    )
    try:
        place = Workspace(root).target(owner).place(*refusal.path) if owner is not None else at
    except BuildError:
        place = at
    return BuildError(what, place, refusal.fix, "refused")
