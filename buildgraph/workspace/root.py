"""Find the root of a workspace.

Each build does that, and few parse files, so this imports no parser.
"""

from __future__ import annotations

import errno
import os
import stat

from ..lite import TYPE_CHECKING
from ..types.errors import BuildError
from .text_encoding import BOM, wide_encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..types.errors import Location

BUILD = "BUILD.toml"
_RESERVED_NAME = "that name is for the file that declares targets: rename it"
_MAX_BYTES = 4 << 20  # as in `toml`, which is slow to import


def cache_folder(environ: Mapping[str, str]) -> str:
    """The folder of the cache: BUILDGRAPH_CACHE, or `buildgraph` in XDG_CACHE_HOME or ~/.cache.

    Empty if these variables and HOME are not set.
    """
    if folder := environ.get("BUILDGRAPH_CACHE"):
        return os.path.abspath(folder)
    base = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return os.path.join(base, "buildgraph")
    home = environ.get("HOME")
    return os.path.join(os.path.abspath(home), ".cache", "buildgraph") if home else ""


def cache_within(root: str, environ: Mapping[str, str]) -> str:
    """The path of the cache relative to a workspace; empty if it is outside of it.

    BuildError if the cache is the workspace itself.
    """
    cache = cache_folder(environ)
    if not cache:
        return ""
    real, top = os.path.realpath(cache), os.path.realpath(root)
    if real == top:
        raise BuildError(
            "the folder of the cache is the workspace itself",
            None,
            "set BUILDGRAPH_CACHE to a folder of its own",
            "environment",
        )
    return os.path.relpath(real, top) if real.startswith(top.rstrip(os.sep) + os.sep) else ""


def find_root(cwd: str) -> str:
    """The nearest folder at or above `cwd` whose BUILD.toml has a [workspace] table. BuildError."""
    folder = os.path.abspath(cwd)
    unreadable: BuildError | None = None  # the error for the nearest BUILD.toml that is not a file
    while True:
        try:
            if _is_root(folder):
                return folder
        except BuildError as error:
            unreadable = unreadable or error
        above = os.path.dirname(folder)
        if above == folder:
            raise unreadable or BuildError(
                "no workspace: no BUILD.toml with a [workspace] table here or in a folder above",
                None,
                "`buildgraph init` makes one",
                "workspace",
            )
        folder = above


def _is_root(folder: str) -> bool:
    """True if a folder is the root of a workspace. BuildError if its BUILD.toml cannot be read.

    If the file cannot be parsed, a line that looks like [workspace] counts; the parser reports the
    errors later.
    """
    path = os.path.join(folder, BUILD)
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BuildError(f"{path} is not a file", None, _RESERVED_NAME, "workspace")
            data = file.read(_MAX_BYTES)
    except OSError as error:
        if not os.path.lexists(path):
            return False
        raise unreadable_error(path, error) from None
    if encoding := wide_encoding(data):
        data = data.decode(encoding, "replace").encode()
    data = data.removeprefix(BOM)
    if not any(map(_is_workspace_line, data.split(b"\n"))):
        return False
    if b'"""' not in data and b"'''" not in data:
        return True
    from .toml import parse

    try:
        return "workspace" in parse(data, BUILD).values
    except BuildError:
        return True


def unreadable_error(path: str, error: OSError, at: Location | None = None) -> BuildError:
    """The error for a BUILD.toml that cannot be read."""
    if error.errno == errno.EISDIR:
        return BuildError(f"{path} is a folder", at, _RESERVED_NAME, "workspace")
    if error.errno == errno.ELOOP:
        return BuildError(
            f"{path} is a link that leads in a circle", at, "replace it by a file", "workspace"
        )
    if error.errno == errno.ENOENT:
        return BuildError(f"{path} is a link to nothing", at, "replace it by a file", "workspace")
    if error.errno == errno.ENXIO:  # a socket
        return BuildError(f"{path} is not a file", at, _RESERVED_NAME, "workspace")
    fix = (
        "`chmod u+r` gives you the permission"
        if error.errno in (errno.EACCES, errno.EPERM)
        else "check the disk, or the link"
    )
    return BuildError(f"cannot read {path}: {error.strerror}", at, fix, "environment")


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a path that may be a FIFO, without waiting for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _is_workspace_line(line: bytes) -> bool:
    """True if a line begins the table [workspace] or one in it, or has a key of that name."""
    line = line.lstrip(b" \t")
    is_header = line.startswith(b"[")
    name = line[1:].lstrip(b" \t") if is_header else line
    if not name.startswith(b"workspace"):
        return False
    return name[9:].lstrip(b" \t").startswith((b"]", b".") if is_header else (b"=", b"."))
