"""Measure the rows of the table: edit a graph, build it with each build system, round by round."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.graphs import Graph
from tests.bench.peers import Cost, Peer

PATIENCE = 120.0  # seconds in a row after which a build system gets no further round
STILL = 0.15  # seconds between an edit and the build; a user who types a command needs longer
SETTLED = 60  # seconds after which a build system must have nothing left to do
Edit = Callable[[int, Mapping[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Medians:
    """Medians of CPU and wall time (ms) and peak memory (MiB); the steps that ran, by round."""

    cpu_ms: float
    wall_ms: float
    rss_mib: float
    ran: list[int]


@dataclass(frozen=True)
class Row:
    """A row: medians of each build system, and the median ratios (ours to theirs) of the rounds.

    Ratios are of CPU and wall time. `due` counts the steps whose inputs changed, `reached` those
    that depend on an edited file, by round. Slow build systems have fewer rounds than `rounds`;
    `lost` has the reasons why others have none.
    """

    row: str
    shape: str
    actions: int
    rounds: int
    due: list[int] = field(default_factory=list)
    reached: list[int] = field(default_factory=list)
    peers: dict[str, Medians] = field(default_factory=dict)
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """The row as JSON holds it."""
        return asdict(self)


def summed(row: Row, costs: Mapping[str, Mapping[int, Cost]], ran: Mapping[str, list[int]]) -> Row:
    """Add the medians of costs by round to a row; the first build system is ours."""
    ours, *_ = costs
    for name, rounds in costs.items():
        cpu, wall, rss = (
            round(statistics.median(values), 2)
            for values in zip(
                *(
                    (cost.cpu * 1000, cost.wall * 1000, cost.rss / 2**20)
                    for cost in rounds.values()
                ),
                strict=True,
            )
        )
        row.peers[name] = Medians(cpu, wall, rss, ran.get(name, []))
        if name != ours:
            pairs = [(costs[ours][turn], cost) for turn, cost in rounds.items()]
            row.ratios[name] = {
                "cpu": round(statistics.median(a.cpu / b.cpu for a, b in pairs), 3),
                "wall": round(statistics.median(a.wall / b.wall for a, b in pairs), 3),
            }
    return row


def format_error(error: Exception) -> str:
    """An error as one line of at most 300 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


class Arena:
    """One graph for several build systems, ours first, and the current texts of their sources.

    A build system that fails is left out from then on, with the reason in `lost`. When ours fails,
    the error is raised.
    """

    def __init__(
        self,
        folder: Path,
        graph: Graph,
        kinds: Sequence[type[Peer]],
        rounds: int,
        patience: float = PATIENCE,
    ) -> None:
        self.graph, self.rounds, self.patience, self.files = (
            graph,
            rounds,
            patience,
            dict(graph.files),
        )
        self.lost: dict[str, str] = {}
        self.peers = [
            kind(folder / str(number) / "checkout", folder / str(number) / "beside", graph)
            for number, kind in enumerate(kinds)
        ]
        self.dice = random.Random(0)
        self._each(Peer.lay)

    def _each(self, work: Callable[[Peer], object]) -> None:
        """Do something with each of them, in an order of its own; one that fails is left out."""
        for peer in self.dice.sample(self.peers, len(self.peers)):
            try:
                work(peer)
            except (
                AssertionError,
                OSError,
                subprocess.SubprocessError,
                ValueError,
                LookupError,
            ) as error:
                if peer is self.peers[0]:
                    raise
                self.lost[peer.name] = format_error(error)
                self.peers.remove(peer)
                peer.end()

    def end(self) -> None:
        """Stop what lives on."""
        for peer in self.peers:
            peer.end()

    def cold(self, rounds: int = 0, name: str = "cold") -> Row:
        """Build everything without any state."""
        return self._measured(self._row(name, rounds), lambda peer, turn: peer.forget())

    def settle(self) -> None:
        """Build until there is nothing left to do or to remember."""

        def settle(peer: Peer) -> None:
            peer.run()
            deadline = time.monotonic() + SETTLED
            while not peer.settled():
                assert time.monotonic() < deadline, f"{peer.name} builds something in every run"
                time.sleep(STILL)
                peer.run()

        self._each(settle)

    def noop(self) -> Row:
        """Nothing changed."""
        return self._measured(self._row("no-op"), lambda peer, turn: None)

    def unread(self) -> Row:
        """A file appeared that no step reads."""

        def add(peer: Peer, turn: int) -> None:
            (peer.folder / f"notes{turn}.md").write_text("notes\n")
            time.sleep(STILL)

        return self._measured(self._row("unread file"), add)

    def touch(self) -> Row:
        """The time of a source changed, and nothing else."""
        return self._edited("touch", lambda turn, files: {(name := self.source(turn)): files[name]})

    def cutoff(self) -> Row:
        """A comment was added that no output shows."""
        return self._edited(
            "same output",
            lambda turn, files: {(name := self.source(turn)): f"{files[name]}# comment {turn}\n"},
        )

    def leaf(self) -> Row:
        """One source changed."""
        return self._edited("leaf", lambda turn, files: {self.source(turn): f"changed {turn}\n"})

    def profile(self) -> Row:
        """One of the shared files changed."""
        names = [name for name in self.files if name.startswith("profile")]
        return self._edited(
            "profile", lambda turn, files: {names[turn % len(names)]: f"changed {turn}\n"}
        )

    def source(self, turn: int) -> str:
        """Another source for each turn."""
        names = [name for name in self.files if name.startswith("s")]
        return names[(7 + 3 * turn) % len(names)]

    def restore(self, name: str) -> Row:
        """Build a new checkout each round, with the shared cache of earlier builds."""
        places = {peer.name: peer.folder for peer in self.peers}

        def clone(peer: Peer, turn: int) -> None:
            peer.end()
            if peer.folder != places[peer.name]:
                shutil.rmtree(peer.folder)
            peer.folder = places[peer.name].with_name(f"clone-{turn}")
            peer.lay()

        return self._measured(self._row(name), clone)

    def _row(self, name: str, rounds: int = 0) -> Row:
        return Row(name, self.graph.shape, len(self.graph.steps), rounds or self.rounds)

    def _edited(self, name: str, edit: Edit) -> Row:
        """Measure rounds of an edit.

        One round before them does not count: it may need something for the first time.
        """
        row = self._row(name)

        def prepare(turn: int) -> None:
            before, edits = dict(self.files), edit(turn, self.files)
            self.files |= edits
            if turn:
                row.due.append(self.graph.due(before, self.files))
                row.reached.append(self.graph.reached(list(edits)))
            self._now = edits

        def apply(peer: Peer, turn: int) -> None:
            for path in (path for name in self._now for path in peer.places(name)):
                path.write_text(self._now[path.name])
            time.sleep(STILL)

        return self._measured(row, apply, prepare, 1)

    def _measured(
        self,
        row: Row,
        before: Callable[[Peer, int], None],
        prepare: Callable[[int], None] = lambda turn: None,
        more: int = 0,
    ) -> Row:
        """Measure rounds until there are enough.

        A build system that has used up `patience` gets only the edits, and builds once at the end.
        """
        costs: dict[str, dict[int, Cost]] = {peer.name: {} for peer in self.peers}
        ran: dict[str, list[int]] = {peer.name: [] for peer in self.peers}
        spent = dict.fromkeys(costs, 0.0)

        def once(peer: Peer) -> None:
            tired = (
                bool(costs[peer.name])
                and spent[peer.name] >= self.patience
                and peer is not self.peers[0]
            )
            if tired and not more:
                return
            before(peer, turn)
            if tired:
                return
            cost = peer.run()
            peer.check(self.files, cost.log)
            spent[peer.name] += cost.wall
            if turn:
                costs[peer.name][turn] = cost
                ran[peer.name].append(peer.ran(cost.log))

        for turn in range(1 - more, row.rounds + 1):
            prepare(turn)
            self._each(once)
        if more:
            self._each(lambda peer: peer.run() if len(costs[peer.name]) < row.rounds else None)
        os.sync()
        row.lost.update(self.lost)
        return summed(row, {peer.name: costs[peer.name] for peer in self.peers}, ran)
