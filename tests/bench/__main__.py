"""Measure the table of speed on this machine, or some rows of it.

    python -m tests.bench                 measure the whole table (hours), then print the goals
    python -m tests.bench --resume        leave out the rows that are in the file
    python -m tests.bench --divide 100    try it with a hundredth of the actions
    python -m tests.bench no-op leaf --actions 10000 --peers "ninja;bazel" --shape layers --seed 3

Each row is printed as a line of JSON and as text, and written at once to a file of JSON, by row,
shape and number of actions. A peer that is not installed or fails is left out, and the row says
why. A slow peer has fewer rounds, and the row says so. Peers are looked up on PATH; `--path` adds
folders to it. For root, each line of the table is measured in a file system of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from buildgraph.sandbox.job import Level
from buildgraph.sandbox.sandbox import is_available
from tests.bench import gathered, goals, graphs, others, peers, revisions, special, value_edits
from tests.bench.installed import installed
from tests.bench.places import fresh
from tests.bench.probes import PROBES, probe
from tests.bench.rows import PATIENCE, Arena, Row, format_error
from tests.bench.tools import tools

KINDS: tuple[type[peers.Peer], ...] = (
    special.Bare,
    peers.Ninja,
    peers.Make,
    peers.Doit,
    *others.OTHERS,
)
EDITS = ("no-op", "unread file", "touch", "same output", "leaf", "profile")
AFFECTED = ("affected, a source", "affected, a value")
ROWS = (
    "cold",
    *EDITS,
    "cold, namespaces",
    "restore",
    "restore, 1 MiB each",
    "CI job",
    "full analysis",
    "a value",
    "a gathered file",
    *AFFECTED,
    "numpy tools, namespaces",
    "numpy tools, landlock",
    *PROBES,
    "matrix",
)
TABLE = (  # words of this command, one line after the other
    ("no-op", "--actions", "7", "--peers", "python", "--rounds", "15"),
    (
        "cold",
        *EDITS,
        "--actions",
        "1000",
        "--peers",
        "ninja;make;doit;scons;nix;bazel;shake",
        "--cold-rounds",
        "3",
    ),
    ("cold, namespaces", "--actions", "1000", "--peers", "bazel, linux-sandbox", "--rounds", "3"),
    ("restore", "--actions", "1000", "--peers", "shake;scons;bazel"),
    ("restore, 1 MiB each", "--actions", "50", "--peers", "shake;scons"),
    ("CI job", "--actions", "1000"),
    ("full analysis", "--actions", "10000"),
    ("full analysis", "--actions", "100000", "--rounds", "2"),
    ("a value", "--actions", "10000"),
    ("a gathered file", "--actions", "5000"),
    (*AFFECTED, "--actions", "10000", "--rounds", "3"),
    ("numpy tools, namespaces", "--actions", "1000"),
    ("numpy tools, landlock", "--actions", "1000"),
    (*PROBES, "--actions", "256", "--rounds", "3"),
    ("matrix",),
    (
        "cold",
        *EDITS,
        "--actions",
        "10000",
        "--peers",
        "ninja;make;doit;scons;nix;bazel",
        "--cold-rounds",
        "2",
    ),
    ("no-op", "leaf", "--actions", "50000", "--peers", "ninja"),
    ("cold", *EDITS, "--actions", "1000", "--shape", "layers", "--seed", "1", "--cold-rounds", "1"),
    ("cold", *EDITS, "--actions", "1000", "--shape", "layers", "--seed", "2", "--cold-rounds", "1"),
    ("cold", *EDITS, "--actions", "100", "--peers", "snakemake;dvc", "--cold-rounds", "1"),
)
LAST = {
    "matrix": "matrix, gamma of an agent",
    "affected": "affected, a value",
}  # of the rows that come under one name
FEWEST = 7  # actions that a row has, however many it is divided by


def options(argv: Sequence[str]) -> argparse.Namespace:
    """The words of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "rows",
        nargs="*",
        metavar="ROW",
        help=f"some of: {'; '.join(ROWS)} (default: the whole table)",
    )
    parser.add_argument("--actions", type=int, default=1000)
    parser.add_argument("--shape", choices=("chains", "layers"), default="chains")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--cold-rounds", type=int, default=0, help="of the row `cold` (default: as of the others)"
    )
    parser.add_argument(
        "--peers", default="ninja;make;doit", help="names, with semicolons between them"
    )
    parser.add_argument("--path", default="", help="folders in which peers are looked for first")
    parser.add_argument(
        "--program",
        type=Path,
        help="our program (default: this checkout, installed for the occasion)",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        default=Path("out/bench.json"),
        help="where rows are kept (default: out/bench.json)",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE,
        help=f"seconds in a row after which a peer gets no further round (default: {PATIENCE:g})",
    )
    parser.add_argument(
        "--resume", action="store_true", help="leave out the rows that are kept already"
    )
    parser.add_argument(
        "--divide", type=int, default=1, help="the table with this fraction of the actions"
    )
    chosen = parser.parse_args(argv)
    for row in chosen.rows:
        if row not in ROWS:
            parser.error(f"no row {row!r}")
    return chosen


def measured(chosen: argparse.Namespace, names: Sequence[str], folder: Path) -> Iterator[Row]:
    """The rows of these names."""
    kinds = [kind for kind in KINDS if kind.name in chosen.peers.split(";") and not kind.missing()]
    for name in names:
        match name:
            case "CI job":
                yield special.ci_job(folder, chosen.actions, chosen.rounds)
            case "full analysis":
                yield special.analysis(folder, chosen.actions, chosen.rounds)
            case "a value":
                yield value_edits.value(folder, chosen.actions, chosen.rounds)
            case "a gathered file":
                yield gathered.gathered(folder, chosen.actions, chosen.rounds)
            case "affected, a source" | "affected, a value":
                yield revisions.affected(folder, name, chosen.actions, chosen.rounds)
            case "numpy tools, namespaces" | "numpy tools, landlock":
                level: Level = "namespaces" if name.endswith("namespaces") else "landlock"
                assert is_available(level), f"the sandbox {level} does not work here"
                yield tools(
                    folder, level, chosen.actions, max(10, chosen.actions // 20), chosen.rounds
                )
            case _ if name in PROBES:
                yield probe(folder, name, chosen.actions, chosen.rounds)
            case "matrix":
                yield from special.matrix(folder, chosen.rounds)
            case "cold, namespaces":
                assert not peers.OursSandboxed.missing(), peers.OursSandboxed.missing()
                with arena(
                    folder, graphs.chains(chosen.actions), [peers.OursSandboxed, *kinds], chosen
                ) as of:
                    yield of.cold(name=name)
            case "restore" | "restore, 1 MiB each":
                graph = (
                    graphs.chains(chosen.actions)
                    if name == "restore"
                    else graphs.large(chosen.actions)
                )
                with arena(folder, graph, [peers.Ours, *kinds], chosen) as of:
                    of.settle()
                    yield of.restore(name)
    yield from edited(chosen, names, folder, kinds)


def edited(
    chosen: argparse.Namespace,
    names: Sequence[str],
    folder: Path,
    kinds: Sequence[type[peers.Peer]],
) -> Iterator[Row]:
    """The rows that follow one another on one graph."""
    if not {"cold", *EDITS} & set(names):
        return
    with arena(folder, graph_of(chosen), [peers.Ours, *kinds], chosen) as of:
        if "cold" in names:
            yield of.cold(chosen.cold_rounds)
        of.settle()
        measures = dict(
            zip(EDITS, (of.noop, of.unread, of.touch, of.cutoff, of.leaf, of.profile), strict=True)
        )
        for name in EDITS:
            if name in names:
                yield measures[name]()


def graph_of(chosen: argparse.Namespace) -> graphs.Graph:
    """The graph that edits are made to."""
    return (
        graphs.chains(chosen.actions)
        if chosen.shape == "chains"
        else graphs.layers(chosen.actions, chosen.seed)
    )


@contextmanager
def arena(
    folder: Path, graph: graphs.Graph, kinds: Sequence[type[peers.Peer]], chosen: argparse.Namespace
) -> Iterator[Arena]:
    """An arena in a folder of its own, which is gone afterwards."""
    place = Path(tempfile.mkdtemp(dir=folder))
    contest = Arena(place, graph, kinds, chosen.rounds, chosen.patience)
    try:
        yield contest
    finally:
        contest.end()
        shutil.rmtree(place, ignore_errors=True)


def kept(path: Path) -> list[dict[str, Any]]:
    """The rows in the file."""
    rows: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return rows


def keep(path: Path, row: dict[str, Any]) -> None:
    """Write a row to the file atomically, in place of an older one of its kind."""
    same = ("row", "shape", "actions")
    rows = [other for other in kept(path) if any(other[key] != row[key] for key in same)] + [row]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text(json.dumps(rows, indent=1) + "\n")
    path.with_suffix(".new").replace(path)


def open_rows(chosen: argparse.Namespace) -> list[str]:
    """The rows of a line to measure: with `--resume` those that are not in the file, or failed."""
    seed = f"layers, seed {chosen.seed}" if chosen.shape == "layers" else ""

    def here(row: dict[str, Any]) -> bool:
        layers = row["shape"] if row["shape"].startswith("layers") else ""
        return "failed" not in row and (
            row["row"].startswith("matrix") or (row["actions"] == chosen.actions and layers == seed)
        )

    done = {row["row"] for row in kept(chosen.keep) if here(row)} if chosen.resume else set()
    return [name for name in chosen.rows if LAST.get(name, name) not in done]


def perform(chosen: argparse.Namespace, folder: Path) -> None:
    """Measure, print and write a line of the table; when ours fails, its rows have the error."""
    left_out = [
        f"{kind.name}: {why}"
        for kind in KINDS
        if kind.name in chosen.peers.split(";") and (why := kind.missing())
    ]
    names = open_rows(chosen)
    if not names:
        return
    with fresh(folder) as (place, what):
        more = {"place": what, "left_out": left_out}
        try:
            for row in measured(chosen, names, place):
                report(chosen.keep, row.data() | more)
                names = [name for name in names if name != row.row]
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            for name in names:
                row = Row(name, graph_of(chosen).shape, chosen.actions, chosen.rounds)
                report(chosen.keep, row.data() | more | {"failed": format_error(error)})


def report(path: Path, row: dict[str, Any]) -> None:
    """Print a row and keep it."""
    print(json.dumps(row))
    print("\n".join(goals.lines(row)), file=sys.stderr, flush=True)
    keep(path, row)


def chosen_lines(chosen: argparse.Namespace, argv: Sequence[str]) -> Iterator[argparse.Namespace]:
    """The requested line, or those of the table with fewer actions (`--divide`)."""
    if chosen.rows:
        yield chosen
        return
    for line in TABLE:
        chosen_line = options([*line, *argv])  # options of the command line come last and win
        chosen_line.actions = max(FEWEST, chosen_line.actions // chosen_line.divide)
        yield chosen_line


def main(argv: Sequence[str]) -> int:
    """Measure one line of the table, or all of them and print the goals; return the exit code."""
    chosen = options(argv)
    os.environ["PATH"] = os.pathsep.join(
        [*filter(None, chosen.path.split(os.pathsep)), os.environ["PATH"]]
    )
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        peers.Ours.binary = (
            chosen.program.absolute() if chosen.program else installed(folder / "installed")
        )
        for line in chosen_lines(chosen, argv):
            perform(line, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not chosen.rows and chosen.keep.exists():
            print(
                "\n".join(
                    goals.table(
                        kept(chosen.keep), lambda actions: max(FEWEST, actions // chosen.divide)
                    )
                )
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
