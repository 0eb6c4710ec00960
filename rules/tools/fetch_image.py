"""Get the image of one platform by digest, from a registry or an OCI layout, as an OCI layout.

fetch_image.py --image HOST/REPOSITORY@DIGEST --platform linux/arm64 [--layout DIR] [--ca FILE]
    --out DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from agentc.errors import refuse
from ociimage import base_image, layout as oci
from ociimage.errors import ImageError
from ociimage.registry import Registry, UnreachableError, parse_image

_PIECE = 1 << 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 with one message on stderr."""
    parser = argparse.ArgumentParser(prog="fetch_image", description=__doc__)
    parser.add_argument("--image", required=True)
    parser.add_argument("--platform", required=True)
    parser.add_argument("--layout", type=Path)
    parser.add_argument("--ca", default="")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    try:
        name = parse_image(options.image)
        if options.layout:
            _copy(options.layout, name.digest, options.platform, options.out)
        else:
            registry = Registry(name, options.ca)
            base_image.fetch(
                name.digest,
                options.platform,
                base_image.Reader(
                    lambda digest: registry.manifest(digest, base_image.LARGEST_DOCUMENT),
                    registry.pieces,
                ),
                options.out,
            )
    except (UnreachableError, OSError) as error:
        print(f"the base image {options.image}: {error}", file=sys.stderr)
        return 1
    except ImageError as error:
        text = f"the base image {options.image}: {error}"
        return refuse(text, [(text, ("base",), "")])
    return 0


def _copy(layout: Path, digest: str, platform: str, out: Path) -> None:
    """Take the image from a layout, whose blobs are checked like those of a registry."""

    def pieces(name: str, size: int) -> Iterator[bytes]:
        with (layout / oci.blob_path(name)).open("rb") as stream:
            yield from iter(lambda: stream.read(_PIECE), b"")

    reader = base_image.Reader(lambda name: (layout / oci.blob_path(name)).read_bytes(), pieces)
    base_image.fetch(digest, platform, reader, out)


if __name__ == "__main__":
    sys.exit(main())
