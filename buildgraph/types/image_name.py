"""The name of an image in Docker, containerd and podman, from the workspace's name and the target's label."""

from __future__ import annotations

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from .label import Label

_LONGEST = 200
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def image_name(workspace: str, label: Label) -> str:
    """Name and tag: `//exports:pi5` of the workspace swarm is `swarm/exports/pi5:latest`.

    A part that no registry takes (capitals, `+`, a dot in the first part, which would be a host) is written in what it
    takes, with a hash of the part behind it, so that two labels or workspaces never get one name.
    """
    parts = [part for part in (workspace, *label.package.split("/"), label.name) if part]
    made = "/".join(_taken(part, place == 0) for place, part in enumerate(parts))
    if len(made) > _LONGEST:
        made = f"{made[:_LONGEST].rstrip('/._-')}-{_hash(made)}"
    return made + ":latest"


def _taken(part: str, first: bool) -> str:
    """One part as a registry takes it: small letters and digits, between them one of `.`, `_`, `-`."""
    told = ""
    for letter in part.lower():
        if letter in _PLAIN:
            told += letter
        elif told and told[-1] in _PLAIN:
            told += letter if letter in "_-" or (letter == "." and not first) else "-"
    told = told.rstrip("._-")
    return (
        told
        if told == part and not (first and part == "localhost")
        else f"{told or 'x'}-{_hash(part)}"
    )


def _hash(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
