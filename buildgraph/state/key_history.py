"""The keys that the actions of a workspace had in its last builds, for `why` and `diff`.

    .buildgraph/keys.log      a line "-" for each build, then a line for each of its keys:
                              <key> <label> <position> <title>

A build appends the keys of its actions. A build of many actions writes the file again when most of
it is old.
"""

from __future__ import annotations

import os

from ..files.regular_file import open_own, read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..types.digest import Digest
from ..types.events import Done, Event, Finished, Planned

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = ".buildgraph/keys.log"
_BUILD = "-\n"
_OLD, _MOST = 1 << 20, 1 << 26  # bytes from which most of the file may be old, or must be
_LINE = 100  # bytes of a line, about


class KeyRow(Record):
    """The last two keys of an action, and the builds in which it changed and was last seen.

    `before` is the build in which the earlier key was last seen.
    """

    keys: tuple[str, ...]
    changed: int
    seen: int
    before: int = 0


class KeyRecorder:
    """A listener that records the last two different keys of each action of a workspace.

    No build depends on the file: a damaged or missing one counts as empty.
    """

    def __init__(self, root: str) -> None:
        self._path = os.path.join(root, _FILE)
        self._done: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Note the key of an action that is done; write at the end."""
        match event:
            case Planned():
                self._done.clear()
            case Done():
                # The position distinguishes actions of one title, whatever the order of their ends.
                name = f"{event.label} {event.place} {event.title}".replace("\n", " ")
                self._done[name] = event.key
            case Finished():
                self.close()

    def close(self) -> None:
        """Write the recorded keys; a workspace that cannot be written records nothing."""
        done, self._done = self._done, {}
        if not done:
            return
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            size = os.path.getsize(self._path) if os.path.exists(self._path) else 0
            # Reading the file is slow, so only a build of many actions does it.
            if size > _MOST or (size > _OLD and len(done) > size // _LINE // 4):
                self._shorten(len(done))
            with open(open_own(self._path, os.O_RDWR | os.O_APPEND), "ab+") as file:
                if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
                    file.write(b"\n")  # after a torn line
                file.write(
                    (_BUILD + "".join(f"{key} {name}\n" for name, key in done.items())).encode(
                        "utf-8", "surrogateescape"
                    )
                )
        except OSError:
            return

    def keys(self) -> dict[str, list[str]]:
        """`<label> <position> <title>` -> [last key] or [last key, the one before]."""
        return {name: [*row.keys] for name, row in self.rows().items()}

    def rows(self) -> dict[str, KeyRow]:
        """`<label> <position> <title>` -> its keys and the builds in which they came."""
        rows: dict[str, KeyRow] = {}
        build = 0
        for line in self._lines():
            key, _, name = line.partition(" ")
            if line == _BUILD.rstrip():
                build += 1
            elif name and _is_key(key):
                row = rows.get(name)
                if row is None or row.keys[0] != key:
                    rows[name] = KeyRow(
                        (key, *(row.keys[:1] if row else ())), build, build, row.seen if row else 0
                    )
                elif row.seen != build:
                    rows[name] = KeyRow(row.keys, row.changed, build, row.before)
        return rows

    def _lines(self) -> list[str]:
        try:
            text = read_regular(self._path).decode("utf-8", "surrogateescape")
            return text.split("\n")[:-1]  # the rest is a torn line
        except OSError:
            return []

    def _shorten(self, fresh: int) -> None:
        """Write only the keys that are still looked up, if all others are most of the file."""
        keys = self.keys()
        if len(self._lines()) + fresh > 4 * len(keys):
            self._write(keys)

    def _write(self, keys: Mapping[str, list[str]]) -> None:
        replace_file(
            self._path,
            (
                f"{key} {name}\n".encode("utf-8", "surrogateescape")
                for name, last in keys.items()
                for key in reversed(last)
            ),
        )


def _is_key(text: str) -> bool:
    try:
        Digest.parse(text)
    except ValueError:
        return False
    return True
