"""Assemble an OCI image from files.

assemble_image.py --layer NAME --file bin/agent=HOST:0755 --config JSON --out DIR
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ociimage.assemble import assemble, parser
from ociimage.errors import ImageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 with one message on stderr."""
    options = parser().parse_args(argv)
    try:
        assemble(options)
    except (ImageError, OSError, UnicodeError) as error:
        print(f"assemble: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
