"""Every row of the table of speed, on this machine: `python -m tests.bench`, or some rows of it.

    python -m tests.bench all                          the whole table (hours; a few peers take minutes a build)
    python -m tests.bench                              the rows of one graph, for ninja, make and doit
    python -m tests.bench no-op leaf --actions 10000 --peers "ninja;bazel" --shape layers --seed 3

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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from buildgraph.execute.job import LEVELS
from buildgraph.execute.sandbox import works
from tests.bench import goals, graphs, others, peers, special
from tests.bench.installed import installed
from tests.bench.rows import Arena, Row
from tests.bench.tools import tools

KINDS: tuple[type[peers.Peer], ...] = (special.Bare, peers.Ninja, peers.Make, peers.Doit, *others.OTHERS)
EDITS = ("no-op", "touch", "same output", "leaf", "profile")
ROWS = ("cold", *EDITS, "cold, namespaces", "restore", "restore, 1 MiB each", "full analysis", "numpy tools", "matrix")
TABLE = (   # what `all` means: words of this command, one line after the other
    ("no-op", "--actions", "7", "--peers", "python", "--rounds", "15"),
    ("cold", *EDITS, "--actions", "1000", "--peers", "ninja;make;doit;scons;nix;bazel;shake", "--cold-rounds", "3"),
    ("cold, namespaces", "--actions", "1000", "--peers", "bazel, linux-sandbox", "--rounds", "3"),
    ("restore", "--actions", "1000", "--peers", "shake;scons;bazel"),
    ("restore, 1 MiB each", "--actions", "50", "--peers", "shake;scons"),
    ("full analysis", "--actions", "10000"), ("full analysis", "--actions", "100000", "--rounds", "2"),
    ("numpy tools", "--actions", "1000"), ("matrix",),
    ("cold", *EDITS, "--actions", "10000", "--peers", "ninja;make;doit", "--cold-rounds", "2"),
    (*EDITS, "--actions", "10000", "--peers", "scons;nix;bazel", "--rounds", "5"),
    ("no-op", "leaf", "--actions", "50000", "--peers", "ninja"),
    ("cold", *EDITS, "--actions", "1000", "--shape", "layers", "--seed", "1", "--cold-rounds", "1"),
    ("cold", *EDITS, "--actions", "1000", "--shape", "layers", "--seed", "2", "--cold-rounds", "1"),
    ("cold", *EDITS, "--actions", "100", "--peers", "snakemake;dvc", "--cold-rounds", "1"),
)


def options(argv: Sequence[str]) -> argparse.Namespace:
    """The words of the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {'; '.join(ROWS)}; or all: the whole table")
    parser.add_argument("--actions", type=int, default=1000)
    parser.add_argument("--shape", choices=("chains", "layers"), default="chains")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold-rounds", type=int, default=0, help="of the row `cold` (default: as of the others)")
    parser.add_argument("--peers", default="ninja;make;doit", help="names, with semicolons between them")
    parser.add_argument("--path", default="", help="folders in which peers are looked for first")
    parser.add_argument("--program", type=Path, help="our program (default: this checkout, installed for the occasion)")
    parser.add_argument("--keep", type=Path, default=Path("out/bench.json"), help="where rows are kept (default: out/bench.json)")
    found = parser.parse_args(argv)
    found.rows = found.rows or ["cold", *EDITS]
    for row in found.rows:
        if row not in (*ROWS, "all"):
            parser.error(f"no row {row!r}")
    return found


def measured(chosen: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """The rows that are asked for."""
    kinds = [kind for kind in KINDS if kind.name in chosen.peers.split(";") and not kind.missing()]
    for name in chosen.rows:
        match name:
            case "full analysis":
                yield special.analysis(folder, chosen.actions, chosen.rounds)
            case "numpy tools":
                for level in LEVELS[:2]:
                    if works(level):
                        yield tools(folder, level, chosen.actions, max(10, chosen.actions // 20), chosen.rounds)
            case "matrix":
                yield from special.matrix(folder, chosen.rounds)
            case "cold, namespaces" if not peers.OursSandboxed.missing():
                with arena(folder, graphs.chains(chosen.actions), [peers.OursSandboxed, *kinds], chosen.rounds) as of:
                    yield of.cold(name=name)
            case "restore" | "restore, 1 MiB each":
                graph = graphs.chains(chosen.actions) if name == "restore" else graphs.large(chosen.actions)
                with arena(folder, graph, [peers.Ours, *kinds], chosen.rounds) as of:
                    of.settle()
                    yield of.restore(name)
    yield from edited(chosen, folder, kinds)


def edited(chosen: argparse.Namespace, folder: Path, kinds: Sequence[type[peers.Peer]]) -> Iterator[Row]:
    """The rows that follow one another on one graph."""
    if not {"cold", *EDITS} & set(chosen.rows):
        return
    graph = graphs.chains(chosen.actions) if chosen.shape == "chains" else graphs.layers(chosen.actions, chosen.seed)
    with arena(folder, graph, [peers.Ours, *kinds], chosen.rounds) as of:
        if "cold" in chosen.rows:
            yield of.cold(chosen.cold_rounds)
        of.settle()
        measures = dict(zip(EDITS, (of.noop, of.touch, of.cutoff, of.leaf, of.profile), strict=True))
        for name in EDITS:
            if name in chosen.rows:
                yield measures[name]()


@contextmanager
def arena(folder: Path, graph: graphs.Graph, kinds: Sequence[type[peers.Peer]], rounds: int) -> Iterator[Arena]:
    """An arena in a folder of its own, which is gone afterwards."""
    place = Path(tempfile.mkdtemp(dir=folder))
    made = Arena(place, graph, kinds, rounds)
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(place, ignore_errors=True)


def keep(path: Path, row: dict[str, Any]) -> None:
    """Add a row to the file, in place of an older one of its kind."""
    held = json.loads(path.read_text()) if path.exists() else []
    same = ("row", "shape", "actions")
    held = [other for other in held if any(other[key] != row[key] for key in same)] + [row]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(held, indent=1) + "\n")


def perform(chosen: argparse.Namespace, folder: Path) -> None:
    """Measure, print, keep."""
    left_out = [f"{kind.name}: {why}" for kind in KINDS if kind.name in chosen.peers.split(";") and (why := kind.missing())]
    for row in measured(chosen, folder):
        found = row.data() | {"left_out": left_out}
        print(json.dumps(found))
        print("\n".join(goals.lines(found)), file=sys.stderr, flush=True)
        keep(chosen.keep, found)


def main(argv: Sequence[str]) -> int:
    """Measure one line of the table, or all of them."""
    chosen = options(argv)
    os.environ["PATH"] = os.pathsep.join([*filter(None, chosen.path.split(os.pathsep)), os.environ["PATH"]])
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        peers.Ours.binary = chosen.program.absolute() if chosen.program else installed(folder / "installed")
        for line in TABLE if "all" in chosen.rows else (argv,):
            words = [*line, "--keep", str(chosen.keep)] if "all" in chosen.rows else line
            perform(options(words), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
