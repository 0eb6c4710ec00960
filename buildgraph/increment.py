"""Going on from the last build: when only files that actions read have changed, nothing is parsed or analysed.

The receipt's look tells which paths moved, the snapshot which steps read them. Those steps and all that depend on them
are decoded and driven as in any build; the rest stands. Anything else that moved (a BUILD file, a folder with other
names, a tool, an output) means that the build starts from BUILD.toml. What is done costs by what changed, but for a few
arrays that are copied whole.
"""
from __future__ import annotations

import os
import time
from itertools import filterfalse

from . import pace, receipt
from .basis import folders_of, users_own
from .digest import EMPTY, Digest
from .drive import Drive, Request
from .events import Done, Event, Finished, Planned
from .execute.job import LEVELS
from .host import Host, here
from .label import Label
from .left import (
    FOLDER, OF_SOURCE, Row, built_of, digest_of_row, gate_of, gate_words, is_tree, node_of, source_row, verdict_of, wanted_row)
from .materialise import Materialiser, Shown
from .model import Action, Output, Result, Source
from .plan import Plan, State
from .snapshot import Snapshot, action_of, makers_of, place_of, read, read_steps, write
from .source import NEVER, fingerprint, settled
from .steps import Steps, Wanted
from .store import roots
from .toolchain import Toolchain
from .ui.summary import FEW, unchanged_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

    from .events import Listener
    from .execute.job import Cancel


def go_on(root: str, request: Request, listen: Listener, cancel: Cancel, host: Host) -> int | None:
    """Build from where the last build ended, or None when this build must start from BUILD.toml."""
    look = receipt.found
    name = receipt.name_of(request.words, request.package)
    if not request.plain or look is None or look.root != root or look.name != name:
        return None
    path = os.path.join(root, FOLDER, name)
    snapshot = read(path)
    if snapshot is None or snapshot.mark != look.mark:
        return None
    level, *known = snapshot.words("facts")
    if not known or known != here():
        return None
    # What it takes over from the snapshot holds for this attempt only: a build from BUILD.toml must look for itself.
    sources = host.sources.fresh()
    apart = Host(host.store, sources, Toolchain(sources), host.scratch)
    going = Increment(root, request, listen, cancel, apart)
    going.level = next(found for found in LEVELS if found == level)
    return going.run(path, snapshot, look)


class Increment(Drive):
    """One attempt at a request, from the snapshot of the build before."""

    anew = False   # whether nothing is known to stand in the workspace

    def run(self, path: str, snapshot: Snapshot, look: receipt.Look) -> int | None:
        """Find the steps that changes reach, drive them, show and remember."""
        self.still = not look.moved   # nothing is to be done
        self._open(snapshot, look)
        changed = self._changed([os.fsdecode(look.paths[number]) for number in look.moved])
        if changed is None:
            return None
        self.host.tools.restore(snapshot.words("tools"))
        return self._go(path, changed, self.request.every)

    def _open(self, snapshot: Snapshot, look: receipt.Look) -> None:
        self.start, self.began = time.monotonic_ns(), time.time_ns()
        self.snapshot, self.look = snapshot, look
        self.names = snapshot.words("sources")
        self.rows = snapshot.parts["source_rows"].split(b"\n")
        self.labels = snapshot.parts["labels"].decode().split("\0")
        self.wanted = snapshot.parts["wanted"].split(b"\n") if snapshot.parts["wanted"] else []
        self.key_lines = snapshot.parts["keys"].split(b"\n") if snapshot.parts["keys"] else []

    def _go(self, path: str, changed: Sequence[int], every: bool) -> int | None:
        """Drive what changes reach; of the rest is told where `every` step and output is to be told of."""
        cone = self.cone = self._cone(changed)
        lines = read_steps(path, self.snapshot, cone)
        if lines is None or not self._take(lines):
            return None
        rest = self._rest(path) if every else []
        if every and len(rest) + len(cone) < len(self.key_lines):
            return None
        self.all = every or len(self.labels) <= FEW   # are told of
        self.listen(Planned(tuple(self.labels) if self.all else (), len(cone) + len(rest),
                            len(self.snapshot.words("gates")) // 5, self.level, self.plan.chains if self.costs else ()))
        for event in rest:
            self.listen(event)
        self.drive()
        return self._finish(changed)

    def _changed(self, paths: Sequence[str]) -> list[int] | None:
        """The files of the workspace that hold something else than before; None when something else moved, too."""
        known = {name: number for number, name in enumerate(self.names)}
        shipped = self.snapshot.words("shipped")
        tools = {shipped[at]: at for at in range(0, len(shipped), 3)}

        def lookup(name: str) -> tuple[Digest, bool] | None:
            if name in known:
                return digest_of_row(self.rows[known[name]].decode())
            return (Digest.parse(shipped[tools[name] + 1]), bool(shipped[tools[name] + 2])) if name in tools else None
        self.host.sources.assume(lookup)
        folders = folders_of(self.snapshot.words("folders"))
        changed: list[int] = []
        self.stamps: dict[str, tuple[int, ...]] = {}   # of the folders that moved and list as before
        for path in paths:
            if path in folders:
                if not self._lists_as_before(path, folders[path]):
                    return None
            elif path not in known or not self.host.sources.stands(path):
                return None
            else:
                found = self.host.sources.look(path)
                if found != digest_of_row(self.rows[known[path]].decode()):
                    changed.append(known[path])
                    self.rows[known[path]] = source_row(*found)
        return changed

    def _lists_as_before(self, path: str, names: Sequence[str]) -> bool:
        folder = self.host.sources.path(path)
        if not os.path.isdir(folder):
            return False
        self.stamps[path] = fingerprint(folder)   # before it is listed: what comes later must show
        return users_own(self.root, folder, os.listdir(folder)) == frozenset(names)

    def _cone(self, changed: Iterable[int]) -> list[int]:
        """The steps that changes reach, in order; a step stands after those that it needs."""
        reader_at, readers = self.snapshot.numbers("reader_at"), self.snapshot.numbers("readers")
        user_at, users = self.snapshot.numbers("user_at"), self.snapshot.numbers("users")
        front = [step for number in changed for step in readers[reader_at[number]:reader_at[number + 1]]]
        reached = set(front)
        while front:
            step = front.pop()
            for user in users[user_at[step]:user_at[step + 1]]:
                if user not in reached:
                    reached.add(user)
                    front.append(user)
        return sorted(reached)

    def _take(self, lines: Sequence[Sequence[str]]) -> bool:
        """Decode the steps of the cone; what they take from outside of it stands in the store, or nothing is taken."""
        cone = self.cone
        self.local = local = {number: at for at, number in enumerate(cone)}
        made: dict[int, Action] = {}
        needs = []
        for number, line in zip(cone, lines, strict=True):
            makers = makers_of(line)
            for maker in makers:
                if maker not in made:   # outside of the cone, for the cone is in order
                    result = self.host.store.recall(Digest.parse(self.key_lines[maker].decode()))
                    if result is None:
                        return False
                    made[maker] = Action((), (), ())
                    self.results[made[maker]] = result
            made[number] = action_of(line, made)
            needs.append(tuple(local[maker] for maker in makers if maker in local))
        actions = tuple(made[number] for number in cone)
        self.steps = Steps(actions, tuple(needs), {action: at for at, action in enumerate(actions)},
                           tuple(map(place_of, lines)))
        self.gate_only = {local[number] for number in self.snapshot.numbers("gate_only") if number in local}
        self.costs = pace.costs(self.root, actions)
        self.plan = Plan(self.steps.needs, self.costs)
        return True

    def _rest(self, path: str) -> list[Done]:
        """The events that tell of the steps that no change reaches, in order."""
        told = list(filterfalse(self.local.__contains__, range(len(self.key_lines))))
        took = self.snapshot.numbers("took")
        return [Done(len(self.cone) + at, str(Label(line[1], line[2])), line[3], "hit", self.key_lines[number].decode(),
                     took[number], place_of(line))
                for at, (number, line) in enumerate(zip(told, read_steps(path, self.snapshot, told) or ()))]

    def _finish(self, changed: Sequence[int]) -> int:
        said = self.snapshot.words("gates")
        gates = [self._judge(gate_of(said[at:at + 5])) for at in range(0, len(said), 5)]
        for gate in gates:
            self.listen(gate.judged())
        shown = self._show(changed)
        code = self.code([gate.judged() for gate in gates])
        untold = 0 if self.all else len(self.labels) - len({event.label for event in shown.events})
        if code == 0 and not self.still:
            self._remember(gates, shown, untold)
        counts = self.plan.counts
        hits = self.counts["hit"] + len(self.key_lines) - len(self.cone)
        self.listen(Finished(code, self.counts["ran"], hits, self.counts["shared"], counts[State.FAILED] - self.interrupted,
                             counts[State.SKIPPED], (time.monotonic_ns() - self.start) // 1_000_000, self.still, untold))
        return code

    def _judge(self, row: Row) -> Row:
        if row.step is None or row.step not in self.local:
            return row
        verdict, why = verdict_of(self.plan.state[self.local[row.step]])
        return Row(row.label, row.gate, row.step, verdict, why)

    def _show(self, changed: Sequence[int]) -> Shown:
        """Put the outputs in place that may have changed, and tell of them; of the others too where there are few."""
        fresh, failed = self._due({self.names[number] for number in changed})
        shown = Materialiser(self.root, self.host.store, self.host.sources).show(
            fresh.values(), self.node, lambda event: None, sweep=self.anew)
        self.trees = [built_of(self.wanted[at]).path for at, want in fresh.items() if is_tree(want.artifact)]
        for at, event in zip(fresh, shown.events, strict=True):
            self.wanted[at] = wanted_row(fresh[at], event, self.node(fresh[at].artifact))
        standing = (row for at, row in enumerate(self.wanted) if at not in failed)
        self.told = [*map(built_of, standing)] if self.all else [*shown.events]
        for event in self.told:
            self.listen(event)
        return shown

    def _due(self, names: Set[str]) -> tuple[dict[int, Wanted], set[int]]:
        """The outputs to put in place, by the number of their row, and the rows of those that were not made."""
        fresh: dict[int, Wanted] = {}
        failed: set[int] = set()
        for at, step in enumerate(self.snapshot.numbers("wanted_step")):
            if step in self.local:
                action = self.steps.actions[self.local[step]]
                if action in self.results:
                    fresh[at] = self._wanted(self.wanted[at], action)
                else:
                    failed.add(at)
            elif step == OF_SOURCE:
                want = self._wanted(self.wanted[at], None)
                if self.anew or want.artifact.name in names:
                    fresh[at] = want
            elif self.anew:
                fresh[at] = self._stood(self.wanted[at])
        return fresh, failed

    def _stood(self, row: bytes) -> Wanted:
        """An output of a step that no change reaches."""
        want = self._wanted(row, Action((), (), ()))
        assert isinstance(want.artifact, Output)
        self.results[want.artifact.action] = Result(((want.artifact.name, node_of(row)),), EMPTY, self.level, 0)
        return want

    def _wanted(self, row: bytes, action: Action | None) -> Wanted:
        label, name, file, made, kind, *_ = row.decode("utf-8", "surrogateescape").split("\0")
        artifact = Source(made) if action is None else Output(made, action, kind == "t")
        return Wanted(Label.parse(label), name, artifact, file)

    def _took(self) -> bytes:
        took = self.snapshot.numbers("took")
        for at, action in enumerate(self.steps.actions):
            took[self.cone[at]] = self.results[action].milliseconds
        return took.tobytes()

    def _parts(self, gates: Sequence[Row]) -> dict[str, bytes]:
        """The sections of the snapshot as they are now; the results that it stands on are held in the store."""
        for at, action in enumerate(self.steps.actions):
            self.key_lines[self.cone[at]] = str(self.keys[action]).encode()
        keys = b"\n".join(self.key_lines)
        roots.remember(self.host.store.root, self.root, self.request.patterns, keys)
        return self.snapshot.parts | {
            "keys": keys, "took": self._took(), "source_rows": b"\n".join(self.rows), "wanted": b"\n".join(self.wanted),
            "gates": gate_words(gates)}

    def _remember(self, gates: Sequence[Row], shown: Shown, untold: int) -> None:
        moved = [os.fsdecode(self.look.paths[number]) for number in self.look.moved]
        fresh = {path: self.stamps.get(path) or fingerprint(self.host.sources.path(path)) for path in moved}
        fresh = {path: stamp if settled(stamp, self.began) else NEVER for path, stamp in fresh.items()}
        mark = write(os.path.join(self.root, FOLDER, self.look.name), self._parts(gates))
        below = len(self.root) + 1
        fresh |= {path[below:]: fingerprint(path) for path in shown.files}
        told: list[Event] = [*self.told, *(gate.judged() for gate in gates)]
        text = unchanged_text(told, len(self.key_lines), untold)
        receipt.renew(self.look, fresh, self.trees, text, mark)
