"""How long actions took in the last builds: what the plan takes for their costs, and progress for what remains.

The file is a convenience: a damaged or missing one counts as empty, and no build depends on it.
"""
from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress

from .events import Done, Event, Finished
from .model import Action

_FILE = ".buildgraph/durations.json"
_FORM = 1
_SHORT = 20        # milliseconds: what is shorter is not remembered, so that large plans of small actions stay cheap
_UNKNOWN = 10      # what such an action, or a new one, is taken for
_MOST = 20_000


def remembered(root: str) -> dict[str, int]:
    """Milliseconds by `<label> <title>`, as far as the last builds of a workspace know."""
    try:
        with open(os.path.join(root, _FILE), encoding="utf-8") as file:
            found = json.load(file)
        return {str(name): int(took) for name, took in found["took"].items()} if found["form"] == _FORM else {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def costs(root: str, actions: Iterable[Action]) -> list[float] | None:
    """The milliseconds that each action is expected to run; None when nothing at all is remembered."""
    known = remembered(root)
    if not known:
        return None
    return [float(known.get(f"{action.owner} {action.title}", _UNKNOWN)) for action in actions]


class Pace:
    """A listener that remembers how long the actions of a workspace ran."""

    def __init__(self, root: str) -> None:
        self._path = os.path.join(root, _FILE)
        self._root = root
        self._took: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        """Note how long an action ran; write at the end."""
        if isinstance(event, Done) and event.how == "ran":
            name = f"{event.label} {event.title}"
            self._took[name] = max(event.milliseconds, self._took.get(name, 0))
        elif isinstance(event, Finished):
            self.close()

    def close(self) -> None:
        """Write what was noted: half of it and half of what was known, for machines are noisy."""
        if not self._took:
            return
        known = remembered(self._root)
        for name, took in self._took.items():
            before = known.pop(name, took)
            if took >= _SHORT:
                known[name] = (before + took) // 2
        self._took.clear()
        self._write(dict(list(known.items())[-_MOST:]))

    def _write(self, took: dict[str, int]) -> None:
        mine = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(mine), exist_ok=True)
            with open(mine, "w", encoding="utf-8") as file:
                json.dump({"form": _FORM, "took": took}, file)
            os.replace(mine, self._path)
        except OSError:
            with suppress(OSError):
                os.unlink(mine)
