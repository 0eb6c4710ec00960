"""The list of written paths and contents, which buildgraph may remove later.

    buildgraph written 1 <bytes after this line when the list was last rewritten>\\n
    <content> <path>\\n...

Lines are added before the files are written. A path may have several lines: it had one of these
contents. A file that a user changed has another content, so it is kept. A damaged list counts as
empty.
"""

from __future__ import annotations

import os

from ..files.regular_file import open_own, read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..types.result import File, Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeAlias

Contents: TypeAlias = "dict[str, set[str]]"  # possible contents of each path, named by `content_of`
_MAGIC = b"buildgraph written 1 "
_GROWTH = 1 << 16  # bytes by which the list may grow before it is rewritten


def content_of(node: Node) -> str:
    """The name of a content: `f` and the SHA-256 of a file, or `t` and that of a tree."""
    return f"{'f' if isinstance(node, File) else 't'}{node.digest.hash}"


class WrittenPaths:
    """The list in one file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self) -> Contents:
        """All entries; none if the list cannot be read."""
        entries: Contents = {}
        try:
            head, _, data = read_regular(self._path).partition(b"\n")
        except OSError:
            return entries
        if head.startswith(_MAGIC):
            for line in data.split(b"\n")[:-1]:  # the rest is a torn line
                content, _, path = line.decode("utf-8", "surrogateescape").partition(" ")
                if len(content) == 65 and path:
                    entries.setdefault(path, set()).add(content)
        return entries

    def add(self, entries: Sequence[tuple[str, str]]) -> None:
        """Add (path, content) pairs; OSError when the disk refuses."""
        data = _lines(entries)
        if not data:
            return
        with open(open_own(self._path, os.O_RDWR | os.O_APPEND), "ab+") as file:
            size = file.tell()
            if not size:
                data = b"%s%d\n%s" % (_MAGIC, len(data), data)
            elif os.pread(file.fileno(), 1, size - 1) != b"\n":
                data = b"\n" + data  # after a torn line
            head = os.pread(file.fileno(), 40, 0).partition(b"\n")[0]
            file.write(data)
        whole = head.removeprefix(_MAGIC)
        if size and (whole == head or not whole.isdigit()):  # damaged
            self.write({path: {content} for path, content in entries})
        elif size and size > 2 * int(whole) + _GROWTH:
            self.write(self.read())

    def write(self, entries: Mapping[str, Iterable[str]]) -> None:
        """Rewrite the list; a disk that refuses keeps the old one."""
        data = _lines(
            (path, content) for path, contents in entries.items() for content in sorted(contents)
        )
        replace_file(self._path, (b"%s%d\n" % (_MAGIC, len(data)), data))


def _lines(entries: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{content} {path}\n" for path, content in entries if "\n" not in path).encode(
        "utf-8", "surrogateescape"
    )
