"""The keys that the actions of a workspace had in its last builds; what `why` and `diff` look up."""
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress

from .digest import Digest
from .events import Done, Event, Finished, Planned

_FILE = ".buildgraph/keys.json"
_FORM = 1


class History:
    """A listener that keeps the last key of each action of a workspace, and the different one before it.

    The file is a convenience: a damaged or missing one counts as empty, and no build depends on it.
    """

    def __init__(self, root: str) -> None:
        self._path = os.path.join(root, _FILE)
        self._done: dict[tuple[str, str], dict[int, str]] = {}

    def __call__(self, event: Event) -> None:
        """Note the key of an action that is done; write at the end."""
        match event:
            case Planned():
                self._done.clear()
            case Done():
                self._done.setdefault((event.label, event.title), {})[event.number] = event.key
            case Finished():
                self.close()

    def close(self) -> None:
        """Write what was noted; a workspace that cannot be written simply remembers nothing."""
        if not self._done:
            return
        held = self.keys()
        fresh = dict(held)
        for (label, title), keys in self._done.items():
            # Actions of one title are told apart by their place in the plan, which does not depend on the clock.
            for count, (_, key) in enumerate(sorted(keys.items()), 1):
                name = f"{label} {count} {title}"
                before = held.get(name, [])
                fresh[name] = before if before[:1] == [key] else [key, *before[:1]]
        self._done.clear()
        if fresh != held:
            self._write(fresh)

    def keys(self) -> dict[str, list[str]]:
        """`<label> <count> <title>` -> [last key] or [last key, the one before]."""
        try:
            with open(self._path, encoding="utf-8") as file:
                found = json.load(file)
            keys = found["keys"] if found["form"] == _FORM else {}
            return {str(name): [str(Digest.parse(key)) for key in held] for name, held in keys.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return {}

    def _write(self, keys: Mapping[str, list[str]]) -> None:
        mine = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(mine), exist_ok=True)
            with open(mine, "w", encoding="utf-8") as file:
                json.dump({"form": _FORM, "keys": keys}, file, sort_keys=True)
            os.replace(mine, self._path)
        except OSError:
            with suppress(OSError):
                os.unlink(mine)
