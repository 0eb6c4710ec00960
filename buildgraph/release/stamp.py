"""The last metadata step: write version, revision and time of a release into a copied image.

Only the configuration, the manifest and the index change. Layers keep their digests, so two tags of
equal content share them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .documents import canonical, sha256
from .image_layout import INDEX, blob_path, read_document, top_descriptor

_OCI = "org.opencontainers.image."


@dataclass(frozen=True, slots=True)
class Stamp:
    """The labels of a released image, the time of its creation, and its name with a tag."""

    labels: Mapping[str, str]
    created: str
    name: str


def rfc3339(seconds: int) -> str:
    """Return a time in seconds since 1970 as RFC 3339 text, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_labels(tag: str, source: Mapping[str, Any], licenses: str) -> dict[str, str]:
    """Return the annotations of image-spec for a tag and the `source` of `release.json`."""
    labels = {
        "version": tag,
        "revision": source["commit"],
        "created": rfc3339(source["time"]),
        "source": source.get("url", ""),
        "licenses": licenses,
    }
    return {_OCI + key: value for key, value in labels.items() if value}


def stamp_layout(layout: Path, stamp: Stamp) -> str:
    """Stamp the image of a layout in place; return its new digest."""
    descriptor = top_descriptor(layout)
    configs: dict[str, str] = {}
    stamped = _stamp(layout, descriptor, stamp, configs)
    name, _, tag = stamp.name.rpartition(":")
    whole = name if "/" in name else f"library/{name}"
    stamped["annotations"] = {
        "io.containerd.image.name": f"docker.io/{whole}:{tag}",
        "org.opencontainers.image.ref.name": tag,
    }
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [stamped]}
    _replace(layout / "index.json", canonical(index))
    _rename_for_docker(layout, stamp.name, configs)
    _remove_unused(layout, stamped)
    return str(stamped["digest"])


def _stamp(
    layout: Path, descriptor: Mapping[str, Any], stamp: Stamp, configs: dict[str, str]
) -> dict[str, Any]:
    """Return the descriptor of the stamped document; `configs` maps old configurations to new."""
    document = read_document(layout, descriptor)
    if descriptor["mediaType"] == INDEX:
        document["manifests"] = [
            _stamp(layout, inner, stamp, configs) for inner in document["manifests"]
        ]
    else:
        config = read_document(layout, document["config"])
        settings = config.setdefault("config", {})
        settings["Labels"] = {**(settings.get("Labels") or {}), **stamp.labels}
        config["created"] = stamp.created
        old = document["config"]["digest"]
        document["config"] = {**document["config"], **_write(layout, config)}
        configs[old] = document["config"]["digest"]
    document["annotations"] = {**document.get("annotations", {}), **stamp.labels}
    return {**descriptor, **_write(layout, document)}


def _write(layout: Path, document: Any) -> dict[str, Any]:
    content = canonical(document)
    digest = sha256(content)
    _replace(blob_path(layout, digest), content)
    return {"digest": digest, "size": len(content)}


def _replace(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # copied files are read-only
    path.write_bytes(content)


def _rename_for_docker(layout: Path, name: str, configs: Mapping[str, str]) -> None:
    """Update `manifest.json`, which `docker load` reads, if the layout has one."""
    path = layout / "manifest.json"
    if not path.exists():
        return
    images = json.loads(path.read_bytes())
    for image in images:
        old = "sha256:" + str(image["Config"]).rpartition("/")[2]
        image["Config"] = "blobs/" + configs[old].replace(":", "/", 1)
        image["RepoTags"] = [name]
    _replace(path, canonical(images))


def _remove_unused(layout: Path, top: Mapping[str, Any]) -> None:
    used = set(_reachable(layout, top))
    for path in (layout / "blobs" / "sha256").iterdir():
        if f"sha256:{path.name}" not in used:
            path.unlink()


def _reachable(layout: Path, descriptor: Mapping[str, Any]) -> Iterator[str]:
    yield descriptor["digest"]
    document = read_document(layout, descriptor)
    if descriptor["mediaType"] == INDEX:
        for inner in document["manifests"]:
            yield from _reachable(layout, inner)
        return
    yield document["config"]["digest"]
    yield from (layer["digest"] for layer in document["layers"])
