"""Copy a staged folder into an output folder: `copy_tree.py FROM TO`."""

from __future__ import annotations

import shutil
import sys


def main(argv: list[str]) -> int:
    """Copy the tree; of the modes only exec bits are kept."""
    source, target = argv
    shutil.copytree(source, target, dirs_exist_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
