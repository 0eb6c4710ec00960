"""BUILD files that were edited without another value: comments, indentation and blank lines."""

from __future__ import annotations

import os

from ..files.stamp import Stamp, stamp_of
from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..lite.sha256 import sha256
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..execution.executor import Attempt
    from .snapshot import Snapshot


class EditedFile(Record):
    """The content of a BUILD file as it is now, and its stamp from before it was read."""

    digest: Digest
    stamp: Stamp


def read_if_equal_values(path: str, text: str) -> EditedFile | None:
    """Read a BUILD file whose hash without comments was `text`; None if it has other values now."""
    from ..workspace.toml_text import hash_without_comments  # imports re: 5 ms

    try:
        with open(path, "rb") as file:
            stamp = stamp_of(os.fstat(file.fileno()))
            data = file.read()
    except OSError:
        return None
    if not text or hash_without_comments(data) != text:
        return None
    return EditedFile(Digest(sha256(data).hexdigest(), len(data)), stamp)


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
    host.engine = engine_stamps()
    name = GraphName(request.package, request.words, toml_of(snapshot))
    return name.path(host.store.root, host.engine)
