"""Check the content of an image, read from its OCI layout without a daemon.

check_image.py --image DIR --arch arm64 [--variant v8] [--cpu x86_64_v3] [--allow shell]
    --out static.json
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from readiness.evidence import conclude
from readiness.image_files import UnreadableImage, load_image
from readiness.static_image import Board, checks, unread_checks


def main(argv: Sequence[str]) -> int:
    """Write the evidence; 1 if a check failed."""
    parser = argparse.ArgumentParser(prog="check_image", description=__doc__)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--arch", required=True)
    parser.add_argument("--variant", default="")
    parser.add_argument("--cpu", default="")
    parser.add_argument("--allow", action="append", default=[], metavar="CHECK")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    board = Board(options.arch, options.variant, options.cpu)
    try:
        results = checks(load_image(options.image), board, options.allow)
    except UnreadableImage as error:
        results = unread_checks(["content"], str(error))
    return conclude("static", results, options.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
