"""The name of an image in Docker, containerd and podman, from a workspace's name and a label."""

from __future__ import annotations

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from .label import Label

_MAX_LENGTH = 200
_ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def image_name(workspace: str, label: Label) -> str:
    """Name and tag: `//exports:pi5` of the workspace swarm is `swarm/exports/pi5:latest`.

    Registries refuse some characters: capital letters, `+`, and a dot in the first part, which
    would make it the name of a host. Such a part is rewritten and a hash of it is appended, so two
    labels never get the same name.
    """
    parts = [part for part in (workspace, *label.package.split("/"), label.name) if part]
    name = "/".join(_valid_part(part, index == 0) for index, part in enumerate(parts))
    if len(name) > _MAX_LENGTH:
        name = f"{name[:_MAX_LENGTH].rstrip('/._-')}-{_hash(name)}"
    return name + ":latest"


def _valid_part(part: str, first: bool) -> str:
    """A part of lower-case letters and digits, with single `.`, `_` or `-` between them."""
    valid = ""
    for letter in part.lower():
        if letter in _ALPHANUMERIC:
            valid += letter
        elif valid and valid[-1] in _ALPHANUMERIC:
            valid += letter if letter in "_-" or (letter == "." and not first) else "-"
    valid = valid.rstrip("._-")
    if valid == part and not (first and part == "localhost"):
        return valid
    return f"{valid or 'x'}-{_hash(part)}"


def _hash(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
