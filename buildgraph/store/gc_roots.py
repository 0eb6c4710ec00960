"""What must not go from a store: the keys of the last builds of each workspace, one small file for each request."""

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
_EACH = 8  # requests of one workspace whose results are held, the latest


def save_roots(
    root: str, workspace: str, request: Sequence[str], keys: Iterable[str], more: bool = False
) -> None:
    """Hold the results of these keys as the last build of a request; a disk that refuses holds nothing.

    With `more` they are held besides those of the last call without it, in place of those of the last call with it.
    """
    head = "\0".join([workspace, *request]).encode("utf-8", "surrogateescape")
    data = MAGIC + b"%d\n" % len(head) + head + "\n".join(keys).encode()
    path = os.path.join(root, _FOLDER, sha256(head).hexdigest()[:32])
    try:
        make_folder(os.path.dirname(path), os.path.join(root, "quarantine"))
        if not replace_file(path + _MORE if more else path, (data,)):
            return
        if more:
            os.utime(path, follow_symlinks=False)  # it is the time of the last build
        elif os.path.lexists(path + _MORE) and not move_aside(path + _MORE):
            os.unlink(path + _MORE)
    except OSError:
        return


def protected_keys(root: str) -> dict[Digest, str]:
    """Key -> the workspace whose last builds stand on it; workspaces that are gone hold nothing."""
    found: dict[Digest, str] = {}
    count: dict[str, int] = {}
    for path in _latest_first(os.path.join(root, _FOLDER)):
        entry = _read(path)
        if entry is None or not os.path.isfile(os.path.join(entry[0], "BUILD.toml")):
            continue
        workspace, more = entry[0], _read(path + _MORE)
        keys = entry[1] + (more[1] if more is not None else [])
        count[workspace] = count.get(workspace, 0) + 1
        if count[workspace] <= _EACH:
            found |= {key: workspace for key in keys if key not in found}
    return found


def _latest_first(folder: str) -> list[str]:
    try:
        found = [entry for entry in os.scandir(folder) if "." not in entry.name]
        entries = [(-entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in found]
    except OSError:
        return []
    return [path for _, path in sorted(entries)]


def _read(path: str) -> tuple[str, list[Digest]] | None:
    data = _bytes(path) or b""
    size, _, rest = data.removeprefix(MAGIC).partition(b"\n")
    if not data.startswith(MAGIC) or not size.isdigit():
        return None
    workspace = os.fsdecode(rest[: int(size)].partition(b"\0")[0])
    try:
        return workspace, [Digest.parse(key) for key in rest[int(size) :].decode("ascii").split()]
    except ValueError:
        return None


def _bytes(path: str) -> bytes | None:
    try:
        return read_regular(path)
    except OSError:
        return None
