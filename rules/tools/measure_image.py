"""Measure an image and its program against board and budget, without running them.

measure_image.py --program P --image DIR --arch arm64 [--max-image BYTES]
    [--max-memory BYTES] --board NAME [--board-memory BYTES] [--board-storage BYTES]
    [--page-size BYTES] [--memory-cgroup on|off] [--agent NAME agent.o]...
    [--workers workers.json] --out evidence.json

`--board-storage` is the space for one image. A fact that is not given is not known.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.workers import read_workers
from agentc.proof.fitness import measure
from agentc.toolchain.elf import loaded
from agentc.toolchain.errors import ToolchainError
from readiness import board_limits
from readiness.board_limits import Board
from readiness.evidence import conclude
from readiness.fitness import Limits, checks


def main(argv: Sequence[str]) -> int:
    """Write the evidence; 1 if something does not fit."""
    parser = argparse.ArgumentParser(prog="measure_image", description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--arch", required=True)
    parser.add_argument("--max-image", type=int, default=0)
    parser.add_argument("--max-memory", type=int, default=0)
    parser.add_argument("--board", default="the board")
    parser.add_argument("--board-memory", type=int, default=0)
    parser.add_argument("--board-storage", type=int, default=0)
    parser.add_argument("--page-size", type=int, default=0)
    parser.add_argument("--memory-cgroup", choices=("on", "off"), default="")
    parser.add_argument("--agent", action="append", nargs=2, default=[], metavar=("NAME", "OBJECT"))
    parser.add_argument("--workers", type=Path, help="workers.json of choose_workers")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    program = options.program.read_bytes()
    board = Board(
        options.board,
        options.board_memory,
        options.board_storage,
        options.page_size,
        options.memory_cgroup,
    )
    try:
        workers = read_workers(options.workers)
        count = workers.count if workers else 1
        measured = measure(program, options.image, count)
        agents = {name: loaded(Path(path).read_bytes()) for name, path in options.agent}
        limits = Limits(options.max_image, options.max_memory)
        results = checks(measured, options.arch, limits, agents)
        results += board_limits.checks(program, options.image, board, count)
    except (ToolchainError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return conclude("fitness", results, options.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
