"""Durations of actions in the last builds, for scheduling and for estimates of progress.

No result depends on the file: a damaged or missing one counts as empty.
"""

from __future__ import annotations

import os

from ..files.regular_file import read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..types.action import Action
from ..types.events import Done, Event, Finished

if TYPE_CHECKING:
    from collections.abc import Iterable

_FILE = ".buildgraph/durations"
_FORM = "buildgraph durations 1"  # then a line each: milliseconds, space, name
_SHORT = 20  # ms; shorter durations are not recorded, so the file of many small actions stays small
_UNKNOWN = 10  # ms expected of an action without a record
_MOST = 20_000


def load_durations(root: str) -> dict[str, int]:
    """Milliseconds by `<label> <title>`, as recorded by the last builds of a workspace."""
    try:
        form, *lines = read_regular(os.path.join(root, _FILE)).decode().split("\n")
        pairs = [line.partition(" ") for line in lines if line]
        return {name: int(took) for took, _, name in pairs} if form == _FORM else {}
    except (OSError, ValueError):
        return {}


def estimate_costs(root: str, actions: Iterable[Action]) -> list[float] | None:
    """The milliseconds that each action is expected to run.

    None if there is no record at all.
    """
    known = load_durations(root)
    if not known:
        return None
    return [
        float(known.get(f"{action.owner} {action.title}".replace("\n", " "), _UNKNOWN))
        for action in actions
    ]


class DurationRecorder:
    """A listener that records the durations of the actions of a workspace."""

    def __init__(self, root: str) -> None:
        self._path = os.path.join(root, _FILE)
        self._root = root
        self._took: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        """Note the duration of an action; write at the end."""
        if isinstance(event, Done) and event.how == "ran":
            name = f"{event.label} {event.title}".replace("\n", " ")
            self._took[name] = max(event.milliseconds, self._took.get(name, 0))
        elif isinstance(event, Finished):
            self.close()

    def close(self) -> None:
        """Write the mean of each new duration and the recorded one, which smooths noise."""
        if not self._took:
            return
        known = load_durations(self._root)
        for name, took in self._took.items():
            before = known.pop(name, took)
            if took >= _SHORT:
                known[name] = (before + took) // 2
        self._took.clear()
        self._write(dict(list(known.items())[-_MOST:]))

    def _write(self, took: dict[str, int]) -> None:
        replace_file(
            self._path,
            (
                f"{line}\n".encode()
                for line in (_FORM, *(f"{ms} {name}" for name, ms in took.items()))
            ),
        )
