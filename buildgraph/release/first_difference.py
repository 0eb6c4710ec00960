"""The first difference of two image layouts, down to file, section or line, and byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..docker.oci_layout import read_blob
from ..explain.content_diff import first_difference

_LARGE = 256 << 20  # bytes of a blob
_INDEX = "application/vnd.oci.image.index.v1+json"


def layout_difference(old: Path, new: Path) -> str:
    """Return the first difference of two OCI layouts; '' if their images are equal.

    Layers are compared first, because differences of configurations and manifests follow from them.
    """
    before, after = _blobs(old), _blobs(new)
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in before or name not in after:
            return f"{name} is only in the {'first' if name in before else 'second'}"
        if before[name] != after[name]:
            contents = (
                read_blob(layout, blobs[name], _LARGE)
                for layout, blobs in ((old, before), (new, after))
            )
            return f"{name}: {first_difference(*contents)}"
    return ""


def _blobs(layout: Path) -> dict[str, str]:
    """Map the role of each blob, such as `linux/arm64 layer 0`, to its digest; layers first."""
    roles: dict[str, str] = {}
    for descriptor in json.loads((layout / "index.json").read_bytes())["manifests"]:
        _add_manifest(layout, descriptor, "", roles)
    return dict(sorted(roles.items(), key=lambda role: _order(role[0])))


def _order(role: str) -> tuple[int, str]:
    kind = next(kind for kind in ("layer", "config", "manifest", "index") if kind in role.split())
    return ("layer", "config", "manifest", "index").index(kind), role


def _add_manifest(
    layout: Path, descriptor: Mapping[str, Any], platform: str, roles: dict[str, str]
) -> None:
    document = json.loads(read_blob(layout, descriptor["digest"]))
    if descriptor["mediaType"] == _INDEX:
        for inner in document["manifests"]:
            parts = inner.get("platform", {})
            name = "/".join(parts[key] for key in ("os", "architecture", "variant") if key in parts)
            _add_manifest(layout, inner, f"{name} ", roles)
        roles[f"{platform}index"] = descriptor["digest"]
        return
    for number, layer in enumerate(document["layers"]):
        roles[f"{platform}layer {number}"] = layer["digest"]
    roles[f"{platform}config"] = document["config"]["digest"]
    roles[f"{platform}manifest"] = descriptor["digest"]
