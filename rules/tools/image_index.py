"""Layouts of single platforms in, one multi-platform layout out: `image_index --layout DIR ... --out DIR`."""
from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import oci
import tar


def merge(layouts: Sequence[Path], out: Path, name: str = "") -> oci.Descriptor:
    """Write an image index (image-index.md) over the images of `layouts`; the index's descriptor."""
    if out.exists() and any(out.iterdir()):
        raise tar.Fault(f"--out {out} is not empty; give a new folder")
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for layout in layouts:
        entry = _entry(layout)
        platform = tuple(entry["platform"].get(key, "") for key in ("os", "architecture", "variant"))
        if platform in found:
            name = "/".join(filter(None, platform))
            raise tar.Fault(f"--layout {layout}: a second image for {name}; leave one out")
        found[platform] = entry
        shutil.copytree(layout / "blobs", out / "blobs", dirs_exist_ok=True, copy_function=shutil.copyfile)
    images = [found[platform] for platform in sorted(found)]
    document = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": images}
    index = oci.write_blob(out, oci.INDEX, oci.canonical(document))
    oci.write_index(out, [{**index.document(), **oci.named(name)}])
    return index


def _entry(layout: Path) -> dict[str, Any]:
    """The descriptor of the one image of a layout, with its platform and without its name there."""
    try:
        manifests = json.loads((layout / "index.json").read_bytes())["manifests"]
        [entry] = manifests
        if entry["mediaType"] != oci.MANIFEST or "architecture" not in entry["platform"]:
            raise ValueError("no image with a platform")
    except (KeyError, TypeError, ValueError) as fault:
        raise tar.Fault(f"--layout {layout} is not the layout of one image: {fault}") from None
    return {key: entry[key] for key in ("mediaType", "digest", "size", "platform")}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0, or 1 with one message on stderr."""
    parser = argparse.ArgumentParser(prog="image_index", description=__doc__, allow_abbrev=False)
    parser.add_argument("--layout", type=Path, action="append", required=True, help="layout of one platform")
    parser.add_argument("--name", default="", metavar="NAME:TAG", help="what the layout calls the image")
    parser.add_argument("--out", type=Path, required=True, help="folder of the merged layout, new or empty")
    parser.add_argument("--summary", type=Path, help="digest, size and platforms as JSON")
    options = parser.parse_args(argv)
    try:
        index = merge(options.layout, options.out, options.name and oci.checked_name(options.name))
        if options.summary:
            options.summary.write_bytes(oci.canonical(summary(options.out, index)) + b"\n")
    except (tar.Fault, OSError, UnicodeError) as fault:
        print(f"image_index: {fault}", file=sys.stderr)
        return 1
    return 0


def summary(layout: Path, index: oci.Descriptor) -> dict[str, Any]:
    """Digest of the index, size of all its blobs in bytes, platform and manifest of each image."""
    images = json.loads((layout / index.blob).read_bytes())["manifests"]
    size = sum(path.stat().st_size for path in (layout / "blobs" / "sha256").iterdir())
    return {"schema": 1, "index": index.digest, "size": size,
            "images": [{"manifest": image["digest"], "platform": image["platform"]} for image in images]}


if __name__ == "__main__":
    sys.exit(main())
