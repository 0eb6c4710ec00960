"""Names of contents of files and folders, by which copies are compared with their originals."""

from __future__ import annotations

import os
import stat

from ..host.source_files import hash_file
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import check_cancelled
from ..lite.sha256 import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator


def content_at(path: str) -> str:
    """The name of the content of a path.

    Empty if it cannot be that of a copy, or cannot be read.
    """
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode):
            return f"f{hash_file(path).hash}"
        return content_name([*_rows(path)]) if stat.S_ISDIR(mode) else ""
    except OSError:
        return ""


def _rows(top: str) -> Iterator[tuple[str, str, str]]:
    folders = [""]
    for folder in folders:
        yield "d", folder, ""
        with os.scandir(top + folder) as entries:
            for entry in entries:
                check_cancelled()
                path = f"{folder}/{entry.name}"
                if entry.is_symlink():
                    yield "l", path, os.readlink(top + path)
                elif entry.is_dir():
                    folders.append(path)
                elif entry.is_file():
                    yield "f", path, hash_file(top + path).hash
                else:
                    yield "other", path, ""


def content_name(rows: list[tuple[str, str, str]]) -> str:
    """The name of a folder's content, from (kind, path, digest or target) of each entry."""
    return (
        "t"
        + sha256(
            "\0".join(word for row in sorted(rows) for word in row).encode(
                "utf-8", "surrogateescape"
            )
        ).hexdigest()
    )
