"""BUILD files that were edited: with other values, or with other comments and blank lines only."""

from __future__ import annotations

import os

from ..files.stamp import Stamp, stamp_of
from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..lite.sha256 import sha256
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from ..execution.executor import Attempt
    from .snapshot import Snapshot


class EditedFile(Record):
    """The content of a BUILD file as it is now, and its stamp from before it was read.

    `text` is its hash without comments; `has_other_values` is false if that is as it was.
    """

    digest: Digest
    stamp: Stamp
    data: bytes
    text: str
    has_other_values: bool


class EditedGraph(Record, eq=False):
    """A snapshot with the actions of edited BUILD files, and the results of the last build.

    `edited` are the numbers of actions that differ from those of the last build. `stamps` are those
    of folders that were not listed before. `analysed` counts the targets whose rules were called.
    """

    snapshot: Snapshot
    edited: Sequence[int]
    stamps: Mapping[str, Stamp]
    analysed: int

    def sources_named(self, names: Set[str]) -> list[int]:
        """The numbers of the sources of these names; those that nothing reads have none."""
        sources = self.snapshot.graph.strings("sources")
        return [number for number, name in enumerate(sources) if name in names]


def read_edited(path: str, text: str) -> EditedFile | None:
    """Read a BUILD file whose hash without comments was `text`; None if it cannot be read."""
    from ..workspace.toml_text import hash_without_comments  # imports re: 5 ms

    try:
        with open(path, "rb") as file:
            stamp = stamp_of(os.fstat(file.fileno()))
            data = file.read()
    except OSError:
        return None
    now = hash_without_comments(data)
    digest = Digest(sha256(data).hexdigest(), len(data))
    return EditedFile(digest, stamp, data, now, not now or now != text)


def take_edits(attempt: Attempt, snapshot: Snapshot, edits: Mapping[str, EditedFile]) -> str:
    """Record in a snapshot that its graph comes from these files.

    Returns the path in the cache at which other checkouts look for a graph of these files.
    """
    from ..host.environment import engine_stamps
    from .graph_cache import GraphName, toml_of

    files = snapshot.graph.strings("files")
    digests = dict(zip(files[::2], files[1::2])) | {
        name: str(edit.digest) for name, edit in edits.items()
    }
    snapshot.set_graph_strings("files", (word for item in digests.items() for word in item))
    request, host = attempt.request, attempt.host
    host.engine = host.engine or engine_stamps()
    name = GraphName(request.package, request.words, toml_of(snapshot))
    return name.path(host.store.root, host.engine)
