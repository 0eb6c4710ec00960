"""Assemble the files that boot an image on a board.

assemble_board.py --image DIR --kernel DIR --init boardinit --out board

Image                      the kernel
initramfs.cpio             boardinit and the modules
slots/sha256-DIGEST.cpio   the bundle: copy `slots` to the data partition, later ones to `incoming`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from board.bundle import pack, read_image
from board.errors import BoardError
from board.initramfs import build


def main(argv: Sequence[str]) -> int:
    """Write the folder, or refuse an image that a board cannot run."""
    parser = argparse.ArgumentParser(prog="assemble_board", description=__doc__)
    for option in ("--image", "--kernel", "--init", "--out"):
        parser.add_argument(option, required=True, type=Path)
    options = parser.parse_args(argv)
    try:
        bundle = pack(read_image(options.image))
    except BoardError as error:
        return refuse(str(error), [(str(error), ("boot",), "leave out boot")])
    slots = options.out / "slots"
    slots.mkdir(parents=True)
    (slots / bundle.name).write_bytes(bundle.content)
    (options.out / "Image").write_bytes((options.kernel / "Image").read_bytes())
    archive = build(options.init.read_bytes(), options.kernel)
    (options.out / "initramfs.cpio").write_bytes(archive)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
