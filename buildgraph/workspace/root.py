"""Where the workspace around a folder begins. Apart from the workspace itself, for every build asks and few parse."""

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
_NAMED = "that name is for the file that declares targets: rename it"
_MOST = 4 << 20  # bytes, as toml.py has it, which is dear to import


def cache_folder(environ: Mapping[str, str]) -> str:
    """The folder of the cache: BUILDGRAPH_CACHE, else below XDG_CACHE_HOME, else ~/.cache; empty without any."""
    if chosen := environ.get("BUILDGRAPH_CACHE"):
        return os.path.abspath(chosen)
    base = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return os.path.join(base, "buildgraph")
    home = environ.get("HOME")
    return os.path.join(os.path.abspath(home), ".cache", "buildgraph") if home else ""


def cache_within(root: str, environ: Mapping[str, str]) -> str:
    """The path of the cache in a workspace, relative to its root; empty when it is elsewhere.

    BuildError when it is the workspace itself.
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
    """The nearest folder at or above `cwd` whose BUILD.toml has a [workspace] table; BuildError when there is none."""
    folder = os.path.abspath(cwd)
    odd: BuildError | None = None  # the nearest BUILD.toml that is none, or cannot be read
    while True:
        try:
            if _is_root(folder):
                return folder
        except BuildError as error:
            odd = odd or error
        above = os.path.dirname(folder)
        if above == folder:
            raise odd or BuildError(
                "no workspace: no BUILD.toml with a [workspace] table here or in a folder above",
                None,
                "`buildgraph init` makes one",
                "workspace",
            )
        folder = above


def _is_root(folder: str) -> bool:
    """Whether a folder is a workspace's root; a damaged file counts by its looks, for its faults are told later.

    BuildError when its BUILD.toml cannot be read.
    """
    path = os.path.join(folder, BUILD)
    try:
        with open(path, "rb", opener=_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BuildError(f"{path} is not a file", None, _NAMED, "workspace")
            data = file.read(_MOST)
    except OSError as fault:
        if not os.path.lexists(path):
            return False
        raise unreadable_error(path, fault) from None
    if coding := wide_encoding(data):
        data = data.decode(coding, "replace").encode()
    data = data.removeprefix(BOM)
    if not any(map(_marks, data.split(b"\n"))):
        return False
    if b'"""' not in data and b"'''" not in data:
        return True
    from .toml import parse

    try:
        return "workspace" in parse(data, BUILD).values
    except BuildError:
        return True


def unreadable_error(path: str, fault: OSError, at: Location | None = None) -> BuildError:
    """The fault of a BUILD.toml that cannot be read, by what stands in the way."""
    if fault.errno == errno.EISDIR:
        return BuildError(f"{path} is a folder", at, _NAMED, "workspace")
    if fault.errno == errno.ELOOP:
        return BuildError(
            f"{path} is a link that leads in a circle", at, "replace it by a file", "workspace"
        )
    if fault.errno == errno.ENOENT:
        return BuildError(f"{path} is a link to nothing", at, "replace it by a file", "workspace")
    if fault.errno == errno.ENXIO:  # a socket
        return BuildError(f"{path} is not a file", at, _NAMED, "workspace")
    fix = (
        "`chmod u+r` gives you the permission"
        if fault.errno in (errno.EACCES, errno.EPERM)
        else "check the disk, or the link"
    )
    return BuildError(f"cannot read {path}: {fault.strerror}", at, fix, "environment")


def _at_once(path: str, flags: int) -> int:
    """Open what may be a pipe, without waiting for its other end."""
    return os.open(path, flags | os.O_NONBLOCK)


def _marks(line: bytes) -> bool:
    """Whether a line begins the table [workspace], or one in it, or is a key of such a name."""
    line = line.lstrip(b" \t")
    begun = line.startswith(b"[")
    word = line[1:].lstrip(b" \t") if begun else line
    if not word.startswith(b"workspace"):
        return False
    return word[9:].lstrip(b" \t").startswith((b"]", b".") if begun else (b"=", b"."))
