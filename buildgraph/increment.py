"""Going on from the last build: when only files that actions read have changed, nothing is parsed or analysed.

The receipt's look tells which paths moved, the snapshot which steps read them. Those steps and all that depend on them
are decoded and driven as in any build; the rest stands. Anything else that moved (a BUILD file, a folder with other
names, a tool, an output) means that the build starts from BUILD.toml.
"""
from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import pace, receipt
from .digest import Digest
from .drive import Drive, Request
from .events import Built, Event, Finished, Judged, Listener, Planned
from .execute.job import LEVELS
from .host import SHIPPED, Host
from .label import Label
from .materialise import Materialiser, Shown
from .model import Action, Artifact, Output, Source
from .plan import Plan, State
from .snapshot import Snapshot, action_of, makers_of, read, readers, result_of, step_line, write
from .source import fingerprint, settled
from .steps import Steps, Wanted
from .store import roots
from .toolchain import Toolchain
from .ui.summary import unchanged_text

FOLDER = ".buildgraph/snapshots"
Stamps = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """A gate as the snapshot holds it: its label and name, the step of its verdict (or None), and the verdict."""

    label: str
    gate: str
    step: int | None
    verdict: str
    why: str

    def judged(self) -> Judged:
        """The event that tells it."""
        return Judged(self.label, self.gate, self.verdict, self.why)  # type: ignore[arg-type]


def here() -> list[Any]:
    """What decides which sandbox works: this boot of this machine, this user, these namespaces."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        return [boot, os.geteuid(), *(os.stat(f"/proc/self/ns/{kind}").st_ino for kind in ("mnt", "user"))]
    except OSError:
        return []


def go_on(root: str, request: Request, listen: Listener, cancel: threading.Event, host: Host) -> int | None:
    """Build from where the last build ended, or None when this build must start from BUILD.toml."""
    name = receipt.name_of(request.patterns, request.package)
    look = receipt.found
    if not request.plain or look is None or look[0] != (root, name) or not look[3]:
        return None
    snapshot = read(os.path.join(root, FOLDER, name))
    if snapshot is None or snapshot.mark != look[4] or snapshot.head["here"] != (here() or None):
        return None
    # What it takes over from the snapshot holds for this attempt only: a build from BUILD.toml must look for itself.
    sources = host.sources.fresh()
    apart = Host(host.store, sources, Toolchain(sources), host.scratch)
    return Increment(root, request, listen, cancel, apart).run(snapshot, look)


class Increment(Drive):
    """One attempt at a request, from the snapshot of the build before."""

    def run(self, snapshot: Snapshot, look: Any) -> int | None:
        """Find the steps that changes reach, drive them, show and remember."""
        start, began = time.monotonic_ns(), time.time_ns()
        head = self.head = snapshot.head
        paths = [os.fsdecode(look[2][number]) for number in look[3]]
        changed = self._changed(paths)
        if changed is None:
            return None
        self.level = next(level for level in LEVELS if level == head["level"])
        self.host.tools.restore(head["tools"])
        first = {step for name in changed for step in head["sources"][name][2]}
        cone = _cone(head["needs"], first)
        self._take(snapshot.lines, cone)
        self.listen(Planned(tuple(head["labels"]), len(cone), len(head["gates"]), self.level,
                            self.plan.chains if self.costs else ()))
        self.drive()
        return self._finish(snapshot, cone, (start, began), (look, paths))

    def _changed(self, paths: Sequence[str]) -> list[str] | None:
        """The files of the workspace that hold something else than before; None when something else moved, too."""
        sources, folders = self.head["sources"], self.head["folders"]
        names = {self.host.sources.path(name): name for name in sources}
        known = self.head["shipped"] | sources
        self.host.sources.assume({name: (Digest.parse(row[0]), row[1]) for name, row in known.items()})
        changed = []
        self._listed: Stamps = {}
        for path in paths:
            if path in folders:
                if not os.path.isdir(path):
                    return None
                self._listed[path] = fingerprint(path)   # before it is listed: what comes later must show
                if sorted(os.listdir(path)) != folders[path]:
                    return None
            elif path not in names or not os.path.isfile(path):
                return None
            else:
                name = names[path]
                self.host.sources.forget(name)
                digest, executable = self.host.sources.digest(name)
                if [str(digest), executable] != sources[name][:2]:
                    changed.append(name)
        return changed

    def _take(self, lines: Sequence[bytes], cone: Sequence[int]) -> None:
        """Decode the steps of the cone; what they take from outside of it is known."""
        made: dict[int, Action] = {}
        local = {number: at for at, number in enumerate(cone)}
        needs = []
        for number in cone:
            makers = makers_of(lines[number])
            for maker in makers:
                if maker not in made:   # outside of the cone, for the cone is in order
                    made[maker] = Action((), (), ())
                    self.results[made[maker]] = result_of(lines[maker])
            made[number] = action_of(lines[number], made)
            needs.append(tuple(local[maker] for maker in makers if maker in local))
        self._number = {action: number for number, action in made.items()}
        actions = tuple(made[number] for number in cone)
        self.steps = Steps(actions, tuple(needs), {action: at for at, action in enumerate(actions)})
        self.gate_only = {local[number] for number in self.head["gate_only"] if number in local}
        self.costs = pace.costs(self.root, actions)
        self.plan = Plan(self.steps.needs, self.costs)

    def _finish(self, snapshot: Snapshot, cone: Sequence[int], times: tuple[int, int], look: Any) -> int:
        head, local = self.head, {number: at for at, number in enumerate(cone)}
        gates = [self._judge(Row(*row), local) for row in head["gates"]]
        for gate in gates:
            self.listen(gate.judged())
        fresh = [(at, want) for at, want in enumerate(map(self._wanted, head["wanted"], [local] * len(head["wanted"])))
                 if want is not None]
        whole = [(at, want) for at, want in fresh
                 if not isinstance(want.artifact, Output) or want.artifact.action in self.results]
        shown = Materialiser(self.root, self.host.store, self.host.sources).show(
            [want for _, want in whole], self.node, lambda event: None, sweep=False)
        events = [_built(row) for row in head["built"]]
        for (at, _), event in zip(whole, shown.events, strict=True):
            events[at] = event
        for event in events:
            self.listen(event)
        self.host.sources.save()
        code = self.code([gate.judged() for gate in gates])
        if code == 0:
            self._remember(snapshot, cone, gates, (events, shown, [events[at].path for at, _ in whole]), (times[1], look))
        counts = self.plan.counts
        hits = self.counts["hit"] + len(head["needs"]) - len(cone)
        self.listen(Finished(code, self.counts["ran"], hits, self.counts["shared"], counts[State.FAILED] - self.interrupted,
                             counts[State.SKIPPED], (time.monotonic_ns() - times[0]) // 1_000_000))
        return code

    def _judge(self, row: Row, local: Mapping[int, int]) -> Row:
        if row.step is None or row.step not in local:
            return row
        state = self.plan.state[local[row.step]]
        verdict, why = verdict_of(state)
        return Row(row.label, row.gate, row.step, verdict, why)

    def _wanted(self, row: Sequence[Any], local: Mapping[int, int]) -> Wanted | None:
        """An output that may have changed: one of a step in the cone, or a file of the workspace itself."""
        label, name, file, step, made, tree = row
        if step is None:
            return Wanted(Label.parse(label), name, Source(made), file)
        if step not in local:
            return None
        return Wanted(Label.parse(label), name, Output(made, self.steps.actions[local[step]], tree), file)

    def _remember(self, snapshot: Snapshot, cone: Sequence[int], gates: Sequence[Row],
                  seen: tuple[Sequence[Built], Shown, Sequence[str]], when: tuple[int, Any]) -> None:
        events, shown, links = seen
        began, (look, moved) = when
        lines, keys = list(snapshot.lines), list(self.head["keys"])
        for at, action in enumerate(self.steps.actions):
            lines[cone[at]] = step_line(action, self.results[action], self._number)
            keys[cone[at]] = str(self.keys[action].digest)
        sources = dict(self.head["sources"])
        for name, (digest, executable) in self.host.sources.held().items():
            if name in sources:
                sources[name] = [str(digest), executable, sources[name][2]]
        head = self.head | {"keys": keys, "sources": sources, "built": [_row(event) for event in events],
                            "gates": [[g.label, g.gate, g.step, g.verdict, g.why] for g in gates]}
        stamps = _stamps(look)
        gone = tuple(f"{self.root}/{link}/" for link in links)
        stamps = {path: stamp for path, stamp in stamps.items() if not f"{path}/".startswith(gone)} if gone else stamps
        fresh = {path: fingerprint(path) for path in (*moved, *shown.files)} | self._listed
        if all(settled(fresh[path], time.time_ns() if path in self._listed else began) for path in moved):
            judged = [gate.judged() for gate in gates]
            leave(self.root, self.request, Snapshot(head, lines), stamps | fresh, [*events, *judged])
        roots.remember(self.host.store.root, self.root, self.request.patterns, map(Digest.parse, keys))


def leave(root: str, request: Request, snapshot: Snapshot, stamps: Mapping[str, tuple[int, ...]],
          events: Sequence[Event]) -> None:
    """Leave snapshot and receipt of a build that ended well."""
    name = receipt.name_of(request.patterns, request.package)
    mark = write(os.path.join(root, FOLDER, name), snapshot)
    text = unchanged_text(events, len(snapshot.lines))
    receipt.write(root, (request.patterns, request.package), stamps, text, mark)


def snapshot_of(drive: Drive, labels: Sequence[str], wanted: Sequence[Wanted], told: tuple[Sequence[Row], Sequence[Built]],
                folders: Mapping[str, frozenset[str]]) -> Snapshot:
    """All of a finished build that the next one can go on from."""
    steps, results = drive.steps, drive.results
    reads = readers(steps.actions)
    for want in wanted:
        if isinstance(want.artifact, Source):
            reads.setdefault(want.artifact.name, [])
    held = drive.host.sources.held()
    head = {
        "here": here() or None, "level": drive.level, "labels": list(labels), "tools": drive.host.tools.dump(),
        "needs": steps.needs, "gate_only": sorted(drive.gate_only),
        "keys": [str(drive.keys[action].digest) for action in steps.actions],
        "sources": {name: [str(held[name][0]), held[name][1], numbers] for name, numbers in reads.items()},
        "shipped": {path: [str(digest), executable] for path, (digest, executable) in held.items()
                    if path.startswith(SHIPPED)},
        "folders": {path: sorted(os.listdir(path)) for path in folders},
        "wanted": [_want(want, steps.number) for want in wanted],
        "gates": [[row.label, row.gate, row.step, row.verdict, row.why] for row in told[0]],
        "built": [_row(event) for event in told[1]],
    }
    return Snapshot(head, [step_line(action, results[action], steps.number) for action in steps.actions])


def verdict_of(state: State) -> tuple[str, str]:
    """A gate's verdict, and why, by how the step of its action ended."""
    if state == State.DONE:
        return "passed", ""
    return ("failed", "its log stands above") if state == State.FAILED else ("not checked", "what it checks was not built")


def _want(want: Wanted, number: Mapping[Action, int]) -> list[Any]:
    made: Artifact = want.artifact
    step = number[made.action] if isinstance(made, Output) else None
    return [str(want.label), want.name, want.file, step, made.name, isinstance(made, Output) and made.tree]


def _row(event: Built) -> list[Any]:
    return [event.label, event.name, event.path, str(event.digest), event.bytes, event.image]


def _built(row: Sequence[Any]) -> Built:
    label, name, path, digest, size, image = row
    return Built(label, name, path, Digest.parse(digest), size, image)


def _stamps(look: Any) -> Stamps:
    fields, paths = look[1], look[2]
    return {os.fsdecode(path): tuple(fields[5 * at:5 * at + 5]) for at, path in enumerate(paths)}


def _cone(needs: Sequence[Sequence[int]], first: set[int]) -> list[int]:
    """The steps that changes reach, in order; a step stands after those that it needs."""
    reached = bytearray(len(needs))
    for number in first:
        reached[number] = 1
    start = min(first, default=len(needs))
    for number in range(start, len(needs)):
        if not reached[number] and any(reached[need] for need in needs[number]):
            reached[number] = 1
    return [number for number in range(start, len(needs)) if reached[number]]
