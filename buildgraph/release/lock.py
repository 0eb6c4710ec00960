"""The lock of a workspace: `buildgraph.lock`, with the identities of the tools that builds use.

A tool's identity is part of the keys of its actions: the digest of a program, or the version of a
Python distribution with the digest of its RECORD.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping

from .. import __version__
from ..files.regular_file import read_regular, replace_file
from ..host.environment import open_environment
from ..host.host_tools import HostTools
from ..types.errors import BuildError

LOCK = "buildgraph.lock"
SCHEMA = 1
_LISTED = 5


def write_lock(root: str, tools: Mapping[str, str]) -> str:
    """Write the lock; return its path. BuildError if the disk refuses."""
    path = os.path.join(root, LOCK)
    document = {"schema": SCHEMA, "buildgraph": __version__, "tools": dict(tools)}
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if not replace_file(path, (text.encode(),)):
        raise BuildError(f"{path} cannot be written", None, "make room on the disk", "environment")
    return path


def check_lock(root: str, tools: Mapping[str, str]) -> None:
    """Raise BuildError if a tool differs from the lock; do nothing if there is no lock."""
    locked = _read_lock(root)
    if locked is not None:
        _check(locked, {"buildgraph": __version__, **tools})


def check_installed(root: str) -> None:
    """Raise BuildError if a tool of the lock is another one on this machine; builds nothing."""
    locked = _read_lock(root)
    if locked is None:
        return
    with open_environment(root, False, lambda text: None) as host:
        tools = {name: _installed(host.tools, name) for name in locked if ":" in name}
    _check(locked, {"buildgraph": __version__, **tools})


def _installed(tools: HostTools, name: str) -> str:
    """Return the identity of a locked tool on this machine."""
    kind, _, tool = name.partition(":")
    if kind == "program":
        program = tools.find(tool)
        return program.identity if program else "not installed"
    try:
        return tools.distributions((tool,))[tool].identity
    except BuildError as error:
        return f"not usable ({error.what})"


def _read_lock(root: str) -> dict[str, str] | None:
    """Return the identities of a lock by name; None if there is no lock."""
    try:
        document = json.loads(read_regular(os.path.join(root, LOCK)))
        locked = {"buildgraph": document["buildgraph"], **document["tools"]}
        version = document["schema"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{LOCK} cannot be read: {error}", None, "`buildgraph release --lock` writes it", "lock"
        ) from None
    if version != SCHEMA:
        what = f"{LOCK} has the version {version} of its format, and this buildgraph reads {SCHEMA}"
        raise BuildError(what, None, "`buildgraph release --lock` writes it again", "lock")
    return locked


def _check(locked: Mapping[str, str], tools: Mapping[str, str]) -> None:
    drift = list(_drift(locked, tools))
    if drift:
        more = f"; and {len(drift) - _LISTED} more" if len(drift) > _LISTED else ""
        raise BuildError(
            f"the tools differ from {LOCK}: {'; '.join(drift[:_LISTED])}{more}",
            None,
            "install the locked versions, or run `buildgraph release --lock` and commit the lock",
            "lock",
        )


def _drift(locked: Mapping[str, str], tools: Mapping[str, str]) -> Iterator[str]:
    for name, identity in sorted(tools.items()):
        if name not in locked:
            yield f"{name} is not locked"
        elif locked[name] != identity:
            yield f"{name} is {_short(identity)}, locked is {_short(locked[name])}"


def _short(identity: str) -> str:
    """Shorten the digests of an identity for a message."""
    words = identity.split(" ")
    return " ".join(word[:19] if word.startswith("sha256:") else word for word in words)
