"""Merge layouts of single platforms into one multi-platform layout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ociimage import layout as oci
from ociimage.errors import ImageError


def merge(layouts: Sequence[Path], out: Path, name: str = "") -> oci.Descriptor:
    """Write an image index (image-index.md) over the images of `layouts`; return its descriptor."""
    if out.exists() and any(out.iterdir()):
        raise ImageError(f"--out {out} is not empty; give a new folder")
    entries: dict[tuple[str, ...], dict[str, Any]] = {}
    for layout in layouts:
        entry = _entry(layout)
        platform = tuple(
            entry["platform"].get(key, "") for key in ("os", "architecture", "variant")
        )
        if platform in entries:
            name = "/".join(filter(None, platform))
            raise ImageError(f"--layout {layout}: a second image for {name}; leave one out")
        entries[platform] = entry
        shutil.copytree(
            layout / "blobs", out / "blobs", dirs_exist_ok=True, copy_function=shutil.copyfile
        )
    images = [entries[platform] for platform in sorted(entries)]
    document = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": images}
    index = oci.write_blob(out, oci.INDEX, oci.canonical(document))
    oci.write_index(out, [{**index.document(), **oci.name_annotations(name)}])
    return index


def _entry(layout: Path) -> dict[str, Any]:
    """Return the descriptor of a layout's only image, with its platform and without its name."""
    try:
        manifests = json.loads((layout / "index.json").read_bytes())["manifests"]
        [entry] = manifests
        if entry["mediaType"] != oci.MANIFEST or "architecture" not in entry["platform"]:
            raise ValueError("no image with a platform")
    except (KeyError, TypeError, ValueError) as error:
        raise ImageError(f"--layout {layout} is not the layout of one image: {error}") from None
    return {key: entry[key] for key in ("mediaType", "digest", "size", "platform")}


def summary(layout: Path, index: oci.Descriptor) -> dict[str, Any]:
    """Return digest of the index, size of all blobs in bytes, platform and manifest of each
    image.
    """
    images = json.loads((layout / index.blob).read_bytes())["manifests"]
    size = sum(path.stat().st_size for path in (layout / "blobs" / "sha256").iterdir())
    return {
        "schema": 1,
        "index": index.digest,
        "size": size,
        "images": [
            {"manifest": image["digest"], "platform": image["platform"]} for image in images
        ],
    }
