"""Unpack the kernel of a Debian package: `unpack_kernel.py PACKAGE --out kernel`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from board.errors import BoardError
from board.kernel import unpack


def main(argv: Sequence[str]) -> int:
    """Write kernel and modules, or refuse the package."""
    parser = argparse.ArgumentParser(prog="unpack_kernel", description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    options = parser.parse_args(argv)
    try:
        unpack(options.package, options.out)
    except BoardError as error:
        fix = "name a package linux-image-*-arm64 of Debian; linux-image-*-cloud-arm64 is smallest"
        return refuse(str(error), [(str(error), ("package",), fix)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
