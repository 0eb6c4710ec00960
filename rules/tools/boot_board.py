"""Boot a board in QEMU and try what it is for: steps, an update, a roll-back, power cuts.

boot_board.py --qemu qemu-system-aarch64 --mke2fs mke2fs --run qemu-aarch64-static --board DIR
    --init boardinit --image DIR --cpu cortex-a76 --memory BYTES
    --agent NAME INTERFACE LABELS REPLICAS --links FILE --copies N --out boot.json

The emulated time says nothing about a board, so no check measures it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from board.bundle import read_image
from board.machine import Hardware, Software, make_disk
from board.power_cuts import Tools
from board.request import Agent, compose
from board.trial import OPTIONS, Board, Trial
from readiness.evidence import conclude

_SMALLEST_DISK = 8 << 20


def main(argv: Sequence[str]) -> int:
    """Write the evidence; 1 if a check failed."""
    options = _parse(argv)
    agents = [
        Agent(name, Path(interface), Path(labels), int(replicas))
        for name, interface, labels, replicas in options.agent
    ]
    request, names = compose(agents, options.links, options.copies)
    with tempfile.TemporaryDirectory(prefix="board-") as folder:
        disk = Path(folder, "disk")
        software = Software(options.board / "Image", options.board / "initramfs.cpio", disk)
        _fill(options.board, Path(folder, "data"), disk)
        board = Board(
            Hardware(options.cpu, options.memory, OPTIONS),
            software,
            read_image(options.image),
            request,
            names,
            Tools(options.init, (options.run, "-cpu", options.cpu)),
        )
        checks = Trial(board).run()
    return conclude("boot", checks, options.out)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="boot_board", description=__doc__)
    parser.add_argument("--qemu", required=True)
    parser.add_argument("--mke2fs", required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--init", type=Path, required=True)
    parser.add_argument("--board", type=Path, required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--cpu", required=True)
    parser.add_argument("--memory", type=int, required=True)
    metavar = ("NAME", "INTERFACE", "LABELS", "REPLICAS")
    parser.add_argument("--agent", action="append", nargs=4, default=[], metavar=metavar)
    parser.add_argument("--links", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(argv)


def _fill(board: Path, data: Path, disk: Path) -> None:
    """Make the disk of a new board: room for three bundles, and its first bundle."""
    shutil.copytree(board / "slots", data / "slots")
    size = sum(path.stat().st_size for path in (data / "slots").iterdir())
    make_disk(data, disk, max(_SMALLEST_DISK, -(-size * 4 // _SMALLEST_DISK) * _SMALLEST_DISK))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
