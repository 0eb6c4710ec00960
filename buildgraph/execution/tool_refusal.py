"""Errors that a shipped tool reports about the user's files, shown like errors of BUILD.toml.

Such a tool fails, and a line of its log names the error and the value of the target's table that
causes it (`rules/tools/agentc/errors.py`). The logs of other commands are not interpreted.
"""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..sandbox.job import FLAGS
from ..types.action import Shipped
from ..types.errors import BuildError, Location
from ..types.events import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..types.action import Action
    from ..types.label import Label

_MARK = "refused: "


class ToolRefusal(Record):
    """An error of a tool: message, path of keys to a value of the target's table, and help."""

    what: str
    path: tuple[str | int, ...]
    fix: str
    reason: str = "refused"


def parse_refusals(action: Action, log: str) -> tuple[tuple[ToolRefusal, ...], str]:
    """The refusals of an action and the rest of its log.

    None and the whole log if it failed in another way.
    """
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
        document = json.loads(lines[at].removeprefix(_MARK))
        refusals = tuple(
            ToolRefusal(str(row["what"]), tuple(row["at"]), str(row["fix"]))
            for row in document["faults"]
        )
        first = max(0, at - int(document["lines"]))
    except (ValueError, KeyError, TypeError):
        return (), log
    return refusals, "".join(f"{line}\n" for line in (*lines[:first], *lines[at + 1 :]))


def to_errors(
    root: str, owner: Label | None, at: Location | None, refusal: ToolRefusal
) -> BuildError:
    """A refusal as an error at its present place in BUILD.toml, or at that of the target."""
    from ..workspace.workspace import Workspace

    what = (
        refusal.what if owner is None or str(owner) in refusal.what else f"{owner}: {refusal.what}"
    )
    try:
        place = Workspace(root).target(owner).place(*refusal.path) if owner is not None else at
    except BuildError:
        place = at
    return BuildError(what, place, refusal.fix, refusal.reason)


def fault_events(
    root: str, owner: Label | None, at: Location | None, refusals: Iterable[ToolRefusal]
) -> list[Fault]:
    """Refusals as events, each with its place in BUILD.toml and the text that is printed."""
    from ..ui.diagnostics import format_error

    events = []
    for error in (to_errors(root, owner, at, refusal) for refusal in refusals):
        place: dict[str, str | int] | None = None
        if error.at is not None:
            place = {"path": error.at.path, "line": error.at.line, "column": error.at.column}
        text = format_error(error, lambda path, line: _line_of(os.path.join(root, path), line))
        events.append(Fault(str(owner), error.what, place, error.fix, error.reason, text))
    return events


def _line_of(path: str, number: int) -> str | None:
    """A line of a file, or None when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return next((line for at, line in enumerate(file, 1) if at == number), None)
    except OSError:
        return None
