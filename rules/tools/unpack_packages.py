"""Unpack the packages of a lock: `unpack_packages.py npm|pylock|copy LOCK OUT [--files DIR]`.

`--mirror FROM TO` replaces the beginning of addresses. `copy` copies the folder LOCK to OUT.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from packagelock import npm, pylock
from packagelock.download import Source
from packagelock.errors import PackageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 with one message on stderr."""
    parser = argparse.ArgumentParser(prog="unpack_packages", description=__doc__)
    parser.add_argument("kind", choices=("npm", "pylock", "copy"))
    parser.add_argument("lock", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--files", type=Path)
    parser.add_argument("--mirror", nargs=2, action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args(argv)
    if options.kind == "copy":
        shutil.copytree(options.lock, options.out, dirs_exist_ok=True)
        return 0
    files = sorted(p for p in options.files.rglob("*") if p.is_file()) if options.files else None
    source = Source(files, dict(options.mirror))
    try:
        if options.kind == "npm":
            npm.unpack(options.lock.read_bytes(), source, options.out, only=options.only)
        else:
            pylock.unpack(options.lock.read_bytes(), source, options.out)
    except PackageError as error:
        return refuse(str(error), [(str(error), ("lock",), "")])
    return 0


if __name__ == "__main__":
    sys.exit(main())
