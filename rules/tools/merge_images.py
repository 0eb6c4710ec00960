"""Merge layouts of single platforms into one multi-platform layout.

merge_images.py --layout DIR ... --out DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ociimage import layout as oci
from ociimage.errors import ImageError
from ociimage.merge import merge, summary


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 with one message on stderr."""
    parser = argparse.ArgumentParser(prog="merge_images", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--layout", type=Path, action="append", required=True, help="layout of one platform"
    )
    parser.add_argument(
        "--name", default="", metavar="NAME:TAG", help="name of the image in the layout"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the merged layout, new or empty"
    )
    parser.add_argument("--summary", type=Path, help="digest, size and platforms as JSON")
    options = parser.parse_args(argv)
    try:
        index = merge(options.layout, options.out, options.name and oci.checked_name(options.name))
        if options.summary:
            options.summary.write_bytes(oci.canonical(summary(options.out, index)) + b"\n")
    except (ImageError, OSError, UnicodeError) as error:
        print(f"image_index: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
