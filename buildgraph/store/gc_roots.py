"""GC roots: the keys of the last builds of each workspace, in one small file for each request.

    "buildgraph roots 2\\n", length of the head, "\\n", head, keys, one a line
    head: path of the workspace, words of the request, separated by NUL

The file is `roots/<first 32 hex digits of the head's SHA-256>`. Keys that later builds of the same
request add are in a second file beside it, with the suffix `.more`.
"""

from __future__ import annotations

import os

from ..files.regular_file import make_folder, move_aside, read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..lite.sha256 import sha256
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FOLDER, _MORE = "roots", ".more"
MAGIC = b"buildgraph roots 2\n"
_MAX_REQUESTS = 8  # of one workspace; the results of older requests are not protected


def save_roots(
    root: str, workspace: str, request: Sequence[str], keys: Iterable[str], more: bool = False
) -> None:
    """Protect the results of these keys as the last build of a request.

    With `more`, they are protected in addition to those of the last call without `more`, and
    replace those of the last call with it. A disk that refuses the write protects nothing.
    """
    head = "\0".join([workspace, *request]).encode("utf-8", "surrogateescape")
    data = MAGIC + b"%d\n" % len(head) + head + "\n".join(keys).encode()
    path = os.path.join(root, _FOLDER, sha256(head).hexdigest()[:32])
    try:
        make_folder(os.path.dirname(path), os.path.join(root, "quarantine"))
        if not replace_file(path + _MORE if more else path, (data,)):
            return
        if more:
            os.utime(path, follow_symlinks=False)  # the mtime orders requests by their last build
        elif os.path.lexists(path + _MORE) and not move_aside(path + _MORE):
            os.unlink(path + _MORE)
    except OSError:
        return


def protected_keys(root: str) -> dict[Digest, str]:
    """Map each protected key to the workspace whose last builds use it.

    Workspaces that no longer exist protect nothing.
    """
    protected: dict[Digest, str] = {}
    requests: dict[str, int] = {}
    for path in _latest_first(os.path.join(root, _FOLDER)):
        entry = _read_roots(path)
        if entry is None or not os.path.isfile(os.path.join(entry[0], "BUILD.toml")):
            continue
        workspace, more = entry[0], _read_roots(path + _MORE)
        keys = entry[1] + (more[1] if more is not None else [])
        requests[workspace] = requests.get(workspace, 0) + 1
        if requests[workspace] <= _MAX_REQUESTS:
            protected |= {key: workspace for key in keys if key not in protected}
    return protected


def _latest_first(folder: str) -> list[str]:
    try:
        entries = [entry for entry in os.scandir(folder) if "." not in entry.name]
        times = [(-entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in entries]
    except OSError:
        return []
    return [path for _, path in sorted(times)]


def _read_roots(path: str) -> tuple[str, list[Digest]] | None:
    """Read (workspace, keys) of a file of roots; None when it is missing or malformed."""
    try:
        data = read_regular(path)
    except OSError:
        return None
    size, _, rest = data.removeprefix(MAGIC).partition(b"\n")
    if not data.startswith(MAGIC) or not size.isdigit():
        return None
    workspace = os.fsdecode(rest[: int(size)].partition(b"\0")[0])
    try:
        return workspace, [Digest.parse(key) for key in rest[int(size) :].decode("ascii").split()]
    except ValueError:
        return None
