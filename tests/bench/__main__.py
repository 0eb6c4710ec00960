"""Every row of the table of speed, on this machine: `python -m tests.bench`, or some rows of it.

    python -m tests.bench                              all rows (hours; a few peers take minutes a build)
    python -m tests.bench no-op leaf --actions 1000    these two
    python -m tests.bench --peers ninja --shape layers --seed 3

Each row is printed as a line of JSON and in words, and kept in a file of JSON by row, shape and number of actions. A peer
that is not installed is left out and named. PATH decides where peers are found; `--path` adds folders to it.
"""
from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import goals, graphs, peers
from tests.bench.installed import installed
from tests.bench.rows import Arena, Row

KINDS: tuple[type[peers.Peer], ...] = (peers.Ninja, peers.Make, peers.Doit)
ROWS = ("cold", "no-op", "touch", "same output", "leaf", "profile")


def options(argv: Sequence[str]) -> argparse.Namespace:
    """The words of the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {', '.join(ROWS)}")
    parser.add_argument("--actions", type=int, default=1000)
    parser.add_argument("--shape", choices=("chains", "layers"), default="chains")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold-rounds", type=int, default=0, help="of the row `cold` (default: as of the others)")
    parser.add_argument("--peers", default="ninja,make,doit", help="names, with commas between them")
    parser.add_argument("--path", default="", help="folders in which peers are looked for first")
    parser.add_argument("--program", type=Path, help="our program (default: this checkout, installed for the occasion)")
    parser.add_argument("--keep", type=Path, default=Path("out/bench.json"), help="where rows are kept (default: out/bench.json)")
    return parser.parse_args(argv)


def measured(chosen: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """The rows that are asked for."""
    graph = graphs.chains(chosen.actions) if chosen.shape == "chains" else graphs.layers(chosen.actions, chosen.seed)
    wanted = chosen.peers.split(",")
    rows = chosen.rows or ROWS
    kinds = [kind for kind in KINDS if kind.name in wanted and not kind.missing()]
    arena = Arena(folder, graph, [peers.Ours, *kinds], chosen.rounds)
    try:
        if "cold" in rows:
            yield arena.cold(chosen.cold_rounds)
        arena.settle()
        for name, measure in (("no-op", arena.noop), ("touch", arena.touch), ("same output", arena.cutoff),
                              ("leaf", arena.leaf), ("profile", arena.profile)):
            if name in rows:
                yield measure()
    finally:
        arena.end()


def keep(path: Path, row: dict[str, Any]) -> None:
    """Add a row to the file, in place of an older one of its kind."""
    held = json.loads(path.read_text()) if path.exists() else []
    same = ("row", "shape", "actions")
    held = [other for other in held if any(other[key] != row[key] for key in same)] + [row]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(held, indent=1) + "\n")


def main(argv: Sequence[str]) -> int:
    """Measure, print, keep."""
    chosen = options(argv)
    os.environ["PATH"] = os.pathsep.join([*filter(None, chosen.path.split(os.pathsep)), os.environ["PATH"]])
    left_out = [f"{kind.name}: {why}" for kind in KINDS if kind.name in chosen.peers.split(",") and (why := kind.missing())]
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        peers.Ours.binary = chosen.program.absolute() if chosen.program else installed(folder / "installed")
        for row in measured(chosen, folder):
            found = row.data() | {"left_out": left_out}
            print(json.dumps(found))
            print("\n".join(goals.lines(found)), file=sys.stderr, flush=True)
            keep(chosen.keep, found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
