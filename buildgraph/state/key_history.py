"""The keys that the actions of a workspace had in its last builds; what `why` and `diff` look up.

    .buildgraph/keys.log      a line "-" for each build, and one for each key in it: <key> <label> <place> <title>

A build adds lines for what it did; one that starts from BUILD.toml writes the file anew when most of it is old.
"""

from __future__ import annotations

import os

from ..files.regular_file import open_own, read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..lite.record import record
from ..types.digest import Digest
from ..types.events import Done, Event, Finished, Planned

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = ".buildgraph/keys.log"
_BUILD = "-\n"
_OLD, _MOST, _LINE = (
    1 << 20,
    1 << 26,
    100,
)  # bytes from which on most of it may be old, or must be; those of a line


@record
class KeyRow:
    """The last key of an action and the one before, and the builds (by number) where it changed and was last seen.

    `before` is the build in which the key before was seen last.
    """

    keys: tuple[str, ...]
    changed: int
    seen: int
    before: int = 0


class KeyRecorder:
    """A listener that keeps the last key of each action of a workspace, and the different one before it.

    The file is a convenience: a damaged or missing one counts as empty, and no build depends on it.
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
                # Actions of one title are told apart by their place among them, which does not depend on the clock.
                name = f"{event.label} {event.place} {event.title}".replace("\n", " ")
                self._done[name] = event.key
            case Finished():
                self.close()

    def close(self) -> None:
        """Write what was noted; a workspace that cannot be written simply remembers nothing."""
        done, self._done = self._done, {}
        if not done:
            return
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            size = os.path.getsize(self._path) if os.path.exists(self._path) else 0
            if size > _MOST or (
                size > _OLD and len(done) > size // _LINE // 4
            ):  # to look is dear: only who did much does
                self._shorten(len(done))
            with open(open_own(self._path, os.O_RDWR | os.O_APPEND), "ab+") as file:
                if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
                    file.write(b"\n")  # behind a torn line
                file.write(
                    (_BUILD + "".join(f"{key} {name}\n" for name, key in done.items())).encode(
                        "utf-8", "surrogateescape"
                    )
                )
        except OSError:
            return

    def keys(self) -> dict[str, list[str]]:
        """`<label> <place> <title>` -> [last key] or [last key, the one before]."""
        return {name: [*row.keys] for name, row in self.rows().items()}

    def rows(self) -> dict[str, KeyRow]:
        """`<label> <place> <title>` -> its keys and the builds in which they came."""
        found: dict[str, KeyRow] = {}
        build = 0
        for line in self._lines():
            key, _, name = line.partition(" ")
            if line == _BUILD.rstrip():
                build += 1
            elif name and _is_key(key):
                row = found.get(name)
                if row is None or row.keys[0] != key:
                    found[name] = KeyRow(
                        (key, *(row.keys[:1] if row else ())), build, build, row.seen if row else 0
                    )
                elif row.seen != build:
                    found[name] = KeyRow(row.keys, row.changed, build, row.before)
        return found

    def _lines(self) -> list[str]:
        try:
            text = read_regular(self._path).decode("utf-8", "surrogateescape")
            return text.split("\n")[:-1]  # what follows the last line is torn
        except OSError:
            return []

    def _shorten(self, fresh: int) -> None:
        """Leave out what nobody asks for, when that is most of the file."""
        held = self.keys()
        if len(self._lines()) + fresh > 4 * len(held):
            self._write(held)

    def _write(self, keys: Mapping[str, list[str]]) -> None:
        replace_file(
            self._path,
            (
                f"{key} {name}\n".encode("utf-8", "surrogateescape")
                for name, held in keys.items()
                for key in reversed(held)
            ),
        )


def _is_key(text: str) -> bool:
    try:
        Digest.parse(text)
    except ValueError:
        return False
    return True
