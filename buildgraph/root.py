"""Where the workspace around a folder begins. Apart from the workspace itself, for every build asks and few parse."""
from __future__ import annotations

import os
import re

from .errors import BuildError

BUILD = "BUILD.toml"
_MARK = re.compile(rb"^[ \t]*(?:\[[ \t]*workspace[ \t]*[\].]|workspace[ \t]*[=.])", re.M)


def find_root(cwd: str) -> str:
    """The nearest folder at or above `cwd` whose BUILD.toml has a [workspace] table; BuildError when there is none."""
    folder = os.path.abspath(cwd)
    while True:
        if _is_root(folder):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            raise BuildError("no workspace: no BUILD.toml with a [workspace] table here or in a folder above", None,
                             "`buildgraph init` makes one", "workspace")
        folder = above


def _is_root(folder: str) -> bool:
    """Whether a folder is a workspace's root; a damaged file counts by its looks, for its faults are told later."""
    try:
        with open(os.path.join(folder, BUILD), "rb") as file:
            data = file.read()
    except OSError:
        return False
    if not _MARK.search(data):
        return False
    if b'"""' not in data and b"'''" not in data:
        return True
    from .toml import parse
    try:
        return "workspace" in parse(data, BUILD).values
    except BuildError:
        return True
