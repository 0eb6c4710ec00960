"""Small OCI layouts for tests, written by the library of buildgraph's tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ociimage import layout as oci, merge, tar


def write_layout(
    folder: Path, files: dict[str, bytes], arch: str = "amd64", name: str = "tests/small:latest"
) -> str:
    """Write a layout with one layer for each file; return the digest of its manifest."""
    sources = folder.with_name(folder.name + ".files")
    sources.mkdir(parents=True)
    layers = []
    for number, (path, content) in enumerate(files.items()):
        source = sources / str(number)
        source.write_bytes(content)
        entries = tar.complete([tar.Entry(path, "file", 0o755, (0, 0), source)], {})
        layers.append(oci.write_layer(folder, path, entries))
    config = {"architecture": arch, "os": "linux", "config": {"Entrypoint": ["/agent"]}}
    image = oci.write_image(folder, config, tuple(layers), {}, name)
    return image.manifest.digest


def merge_layouts(folder: Path, layouts: list[Path]) -> str:
    """Write a layout of several platforms; return the digest of its index."""
    return merge.merge(layouts, folder, "tests/all:latest").digest


def blobs_of(folder: Path) -> dict[str, bytes]:
    """The blobs of a layout by their digests."""
    return {
        f"sha256:{path.name}": path.read_bytes() for path in (folder / "blobs/sha256").iterdir()
    }


def read_index(folder: Path) -> dict[str, Any]:
    """The only descriptor of a layout's `index.json`."""
    (entry,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    return dict(entry)
