"""What must not go from a store: the keys of the last builds of each workspace, one small file for each request."""
from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

from ..digest import Digest

_FOLDER = "roots"
_FORM = 1
_EACH = 8   # requests of one workspace whose results are held, the latest


def remember(root: str, workspace: str, request: Sequence[str], keys: Iterable[Digest]) -> None:
    """Hold the results of these keys as the last build of a request; a disk that refuses holds nothing."""
    data = json.dumps({"form": _FORM, "workspace": workspace, "request": list(request),
                       "keys": sorted(map(str, keys))}, separators=(",", ":")).encode()
    name = sha256("\0".join([workspace, *request]).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    path = os.path.join(root, _FOLDER, name)
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if _bytes(path) == data:
            os.utime(path)
            return
        fresh = f"{path}.{os.getpid()}"
        with open(fresh, "wb") as file:
            file.write(data)
        os.rename(fresh, path)


def held(root: str) -> dict[Digest, str]:
    """Key -> the workspace whose last builds stand on it; workspaces that are gone hold nothing."""
    found: dict[Digest, str] = {}
    count: Counter[str] = Counter()
    for path in _latest_first(os.path.join(root, _FOLDER)):
        entry = _read(path)
        if entry is None or not os.path.isfile(os.path.join(entry[0], "BUILD.toml")):
            continue
        workspace, keys = entry
        count[workspace] += 1
        if count[workspace] <= _EACH:
            found |= {key: workspace for key in keys if key not in found}
    return found


def _latest_first(folder: str) -> list[str]:
    try:
        entries = [(-entry.stat().st_mtime_ns, entry.path) for entry in os.scandir(folder) if "." not in entry.name]
    except OSError:
        return []
    return [path for _, path in sorted(entries)]


def _read(path: str) -> tuple[str, list[Digest]] | None:
    data = _bytes(path)
    try:
        found: dict[str, Any] = json.loads(data or b"")
        keys = [Digest.parse(key) for key in found["keys"]]
        return (str(found["workspace"]), keys) if found["form"] == _FORM else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _bytes(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
