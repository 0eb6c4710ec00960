"""Going on from the last build: when only files that actions read have changed, nothing is parsed or analysed.

The receipt's look tells which paths moved, the snapshot which steps read them. Those steps and all that depend on them
are decoded and driven as in any build; the rest stands. Anything else that moved (a BUILD file, a folder with other
names, a tool, an output) means that the build starts from BUILD.toml. What is done costs by what changed, but for the
receipt, which is written whole.
"""

from __future__ import annotations

import os
import time
from itertools import filterfalse

from ..execution import durations
from ..execution.executor import Executor
from ..execution.scheduler import Scheduler, StepState
from ..fastpath import manifest
from ..files.stamp import Stamp, fingerprint, reliable_stamp
from ..host.environment import BuildEnvironment, machine_identity
from ..host.host_tools import HostTools
from ..keys.action_graph import ActionGraph, RequestedOutput
from ..lite import TYPE_CHECKING
from ..lite.pack import unpack_strings
from ..outputs.output_tree import InstalledOutputs, OutputTree
from ..outputs.owned_paths import owned_paths
from ..sandbox.job import LEVELS
from ..store import gc_roots
from ..types.action import Action, Output, Source
from ..types.digest import Digest
from ..types.events import Done, Event, Finished, Planned
from ..types.label import Label
from ..types.request import Request
from ..ui.summary import FEW, format_unchanged
from .analysis_inputs import entries_of, folders_of
from .save import (
    FOLDER,
    OF_SOURCE,
    GateRecord,
    built_of,
    gate_of,
    gate_words,
    is_tree,
    parse_digest,
    parse_output_row,
    source_row,
    verdict_of,
    wanted_row,
)
from .snapshot import action_of, position_of, producers_of
from .snapshot_journal import SavedBuild, StepRecord, load_saved_build, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

    from ..outputs.open_folders import OwnedPaths
    from ..sandbox.job import Cancel
    from ..types.events import Listener


def build_incrementally(
    root: str, request: Request, listen: Listener, cancel: Cancel, host: BuildEnvironment
) -> int | None:
    """Build from where the last build ended, or None when this build must start from BUILD.toml."""
    look = manifest.last_check
    name = manifest.request_name(request.words, request.package)
    if not request.can_use_manifest or look is None or look.root != root or look.name != name:
        return None
    last = load_saved_build(os.path.join(root, FOLDER, name))
    if last is None or last.mark != look.mark:
        return None
    level, *known = last.head.words("facts")
    if not known or known != machine_identity():
        return None
    # What it takes over from the snapshot holds for this attempt only: a build from BUILD.toml must look for itself.
    sources = host.sources.fresh()
    apart = BuildEnvironment(host.store, sources, HostTools(sources), host.scratch, host.began)
    going = Increment(root, request, listen, cancel, apart)
    going.level = next(found for found in LEVELS if found == level)
    return going.run(last, look)


class Increment(Executor):
    """One attempt at a request, from the snapshot of the build before."""

    anew = False  # whether nothing is known to stand in the workspace
    differs = False  # whether a source holds something else than before

    def run(self, last: SavedBuild, look: manifest.ManifestCheck) -> int | None:
        """Find the steps that changes reach, drive them, show and remember."""
        self.still = not look.moved  # nothing is to be done
        self._open(last, look)
        changed = self._changed([os.fsdecode(look.paths[number]) for number in look.moved])
        if changed is None:
            return None
        self.host.tools.restore(last.head.words("tools"))
        return self._go(changed, self.request.list_all)

    def _open(self, last: SavedBuild, look: manifest.ManifestCheck) -> None:
        self.start = time.monotonic_ns()
        self.last, self.head, self.look = last, last.head, look
        self.names = self.head.words("sources")
        self.labels = self.head.parts["labels"].decode().split("\0")
        self.outputs: dict[
            int, bytes
        ] = {}  # the rows of those that may have changed; all of them where all are told of

    def _go(self, changed: Sequence[int], every: bool) -> int | None:
        """Drive what changes reach; of the rest is told where `every` step and output is to be told of."""
        cone = self.cone = self._cone(changed)
        self.all = every or len(self.labels) <= FEW  # are told of
        lines = self.last.read(cone)
        if lines is None or not self._take(lines):
            return None
        rest = self._rest(every) if self.all else []
        if rest is None:
            return None
        gates = unpack_strings(self.last.gates)
        self.listen(
            Planned(
                tuple(self.labels) if self.all else (),
                len(cone) + (len(rest) if every else 0),
                len(gates) // 5,
                self.level,
                self.plan.chains if self.costs else (),
            )
        )
        for event in rest if every else ():
            self.listen(event)
        self.drive()
        return self._finish(
            changed, [gate_of(gates[at : at + 5]) for at in range(0, len(gates), 5)]
        )

    def _changed(self, paths: Sequence[str]) -> list[int] | None:
        """The files of the workspace that hold something else than before; None when something else moved, too."""
        known = {name: number for number, name in enumerate(self.names)}
        shipped = self.head.words("shipped")
        tools = {shipped[at]: at for at in range(0, len(shipped), 3)}

        def lookup(name: str) -> tuple[Digest, bool] | None:
            if name in known:
                return parse_digest(self.last.rows[known[name]].decode())
            return (
                (Digest.parse(shipped[tools[name] + 1]), bool(shipped[tools[name] + 2]))
                if name in tools
                else None
            )

        self.host.sources.assume(lookup)
        folders = folders_of(self.head.words("folders"))
        changed: list[int] = []
        self.stamps: dict[str, Stamp] = {}  # of what moved, each from before it was read
        for path in paths:
            if path in folders:
                if not self._lists_as_before(path, folders[path]):
                    return None
            elif path not in known or not self.host.sources.exists(path):
                return None
            else:
                found, self.stamps[path] = (
                    self.host.sources.rehash(path),
                    self.host.sources.stamps[path],
                )
                if found != parse_digest(self.last.rows[known[path]].decode()):
                    changed.append(known[path])
                    self._differs(known[path], source_row(*found))
        return changed

    def _differs(self, number: int, row: bytes) -> None:
        self.last.rows[number] = self.last.sources[number] = row
        self.differs = True

    def _lists_as_before(self, path: str, names: Sequence[str]) -> bool:
        folder = self.host.sources.path(path)
        if not os.path.isdir(folder):
            return False
        self.stamps[path] = fingerprint(folder)  # before it is listed: what comes later must show
        return entries_of(self.root, folder) == frozenset(names)

    def _cone(self, changed: Iterable[int]) -> list[int]:
        """The steps that changes reach, in order; a step stands after those that it needs."""
        reader_at, readers, user_at, users = map(
            self.head.numbers, ("reader_at", "readers", "user_at", "users")
        )
        front = [
            step
            for number in changed
            for step in readers[reader_at[number] : reader_at[number + 1]]
        ]
        reached = set(front)
        while front:
            step = front.pop()
            for user in users[user_at[step] : user_at[step + 1]]:
                if user not in reached:
                    reached.add(user)
                    front.append(user)
        return sorted(reached)

    def _take(self, lines: Sequence[tuple[StepRecord, Sequence[str]]]) -> bool:
        """Decode the steps of the cone; what they take from outside of it stands in the store, or nothing is taken."""
        cone = self.cone
        self.local = local = {number: at for at, number in enumerate(cone)}
        self.stands = [stand for stand, _ in lines]
        makers = [producers_of(said) for _, said in lines]
        made = self._made({maker for some in makers for maker in some if maker not in local})
        if made is None:
            return False
        for number, (_, said) in zip(cone, lines, strict=True):
            made[number] = action_of(said, made)
        actions = tuple(made[number] for number in cone)
        needs = tuple(tuple(local[maker] for maker in some if maker in local) for some in makers)
        self.steps = ActionGraph(
            actions,
            needs,
            {action: at for at, action in enumerate(actions)},
            tuple(position_of(said) for _, said in lines),
        )
        self.gate_only = {
            local[number] for number in self.head.numbers("gate_only") if number in local
        }
        self.costs = durations.estimate_costs(self.root, actions)
        self.plan = Scheduler(self.steps.deps, self.costs)
        return True

    def _made(self, makers: Set[int]) -> dict[int, Action] | None:
        """Actions that stand for steps outside of the cone, whose results the store has; None when it lacks one."""
        numbers, made = sorted(makers), dict[int, Action]()
        for number, (stand, _) in zip(numbers, self.last.lines(numbers) or ()):
            result = self.host.store.recall(Digest.parse(stand.key))
            if result is None:
                return None
            made[number] = Action((), (), ())
            self.results[made[number]] = result
        return made if len(made) == len(numbers) else None

    def _rest(self, every: bool) -> list[Done] | None:
        """The events of the steps that no change reaches, in order: of all, or of those whose outputs were asked for.

        None when they cannot be read.
        """
        told = (
            range(self.last.count)
            if every
            else sorted({*self.head.numbers("wanted_step")} - {OF_SOURCE})
        )
        numbers = list(filterfalse(self.local.__contains__, told))
        found = self.last.lines(numbers)
        if found is None:
            return None
        events: list[Done] = []
        for number, (stand, action) in enumerate(found, len(self.cone)):
            self.outputs.update(stand.wanted)
            place, package, name, title, _ = action.decode("utf-8", "surrogateescape").split(
                "\0", 4
            )
            events.append(
                Done(number, f"//{package}:{name}", title, "hit", stand.key, stand.took, int(place))
            )
        return events

    def _finish(self, changed: Sequence[int], gates: Sequence[GateRecord]) -> int:
        gates = [self._judge(gate) for gate in gates]
        for gate in gates:
            self.listen(gate.judged())
        shown = self._show(changed)
        code = self.code([gate.judged() for gate in gates])
        untold = 0 if self.all else len(self.labels) - len({event.label for event in shown.events})
        if code == 0 and not self.still:
            self._remember(gates, shown, untold)
        counts = self.plan.counts
        hits = self.counts["hit"] + self.last.count - len(self.cone)
        self.listen(
            Finished(
                code,
                self.counts["ran"],
                hits,
                self.counts["shared"],
                counts[StepState.FAILED] - self.interrupted,
                counts[StepState.SKIPPED],
                (time.monotonic_ns() - self.start) // 1_000_000,
                self.still,
                untold,
            )
        )
        return code

    def _judge(self, row: GateRecord) -> GateRecord:
        if row.step is None or row.step not in self.local:
            return row
        verdict, why = verdict_of(self.plan.state[self.local[row.step]])
        return GateRecord(row.label, row.gate, row.step, verdict, why)

    def _show(self, changed: Sequence[int]) -> InstalledOutputs:
        """Put the outputs in place that may have changed, and tell of them; of the others too where there are few."""
        fresh, failed = self._due({self.names[number] for number in changed})
        standing = sorted(self.outputs.keys() - failed) if self.all else []
        stood = {at: parse_output_row(self.outputs[at]) for at in standing if at not in fresh}
        shown = OutputTree(self.root, self.host.store, self.host.sources, self.host.began).show(
            fresh.values(),
            self.node,
            lambda event: None,
            self._scope(),
            [(event.path, file, node) for event, file, node in stood.values()] if self.anew else (),
        )
        self.trees = [
            built_of(self.outputs[at]).path for at, want in fresh.items() if is_tree(want.artifact)
        ]
        told = {at: event for at, (event, _, _) in stood.items()}
        for at, event in zip(fresh, shown.events, strict=True):
            self.outputs[at] = wanted_row(fresh[at], event, self.node(fresh[at].artifact))
            told[at] = event
        self.told = [told[at] for at in standing] if self.all else [*shown.events]
        for event in self.told:
            self.listen(event)
        return shown

    def _scope(self) -> OwnedPaths | None:
        """What it decides about old outputs: nothing where it goes on from a build that did."""
        if not self.anew:
            return None
        paths = [
            row.split(b"\0", 6)[5].decode("utf-8", "surrogateescape")
            for row in self.outputs.values()
        ]
        return owned_paths(self.root, self.request, frozenset(self.labels), paths, self.listen)

    def _due(self, names: Set[str]) -> tuple[dict[int, RequestedOutput], set[int]]:
        """The outputs to put in place, by their number, in order, and the numbers of those that were not made."""
        fresh: dict[int, RequestedOutput] = {}
        failed: set[int] = set()
        for action, stand in zip(self.steps.actions, self.stands):
            self.outputs.update(stand.wanted)
            if action in self.results:
                fresh |= {at: self._wanted(row, action) for at, row in stand.wanted}
            else:
                failed.update(at for at, _ in stand.wanted)
        for at, row in self.last.outputs():
            self.outputs[at] = row
            want = self._wanted(row, None)
            if self.anew or want.artifact.name in names:
                fresh[at] = want
        return dict(sorted(fresh.items())), failed

    def _wanted(self, row: bytes, action: Action | None) -> RequestedOutput:
        label, name, file, made, kind, *_ = row.decode("utf-8", "surrogateescape").split("\0")
        artifact = Source(made) if action is None else Output(made, action, kind == "t")
        return RequestedOutput(Label.parse(label), name, artifact, file)

    def _note(self, gates: Sequence[GateRecord]) -> bool:
        """Tell what was the last build how all stands now; whether anything stands otherwise."""
        last, changed = self.last, self.differs
        for number, action, stand in zip(self.cone, self.steps.actions, self.stands):
            now = StepRecord(
                str(self.keys[action]),
                self.results[action].milliseconds,
                tuple((at, self.outputs[at]) for at, _ in stand.wanted),
            )
            if now != stand:
                last.steps[number], changed = now.line(), True
        before = last.shown, last.gates
        last.shown = rows_of(((at, self.outputs[at]) for at, _ in last.outputs()), b"\n")
        last.gates = gate_words(gates)
        return changed or before != (last.shown, last.gates)

    def _keep(self) -> None:
        """Keep what changed, and hold the results that it stands on."""
        last, request = self.last, (self.host.store.root, self.root, self.request.patterns)
        if last.grown and last.load():
            gc_roots.save_roots(*request, last.keys())
            last.anew(last.path, {})
        else:
            gc_roots.save_roots(
                *request,
                [line.partition(b"\0")[0].decode() for line in last.steps.values()],
                more=True,
            )
            last.write()

    def _remember(self, gates: Sequence[GateRecord], shown: InstalledOutputs, untold: int) -> None:
        fresh = {
            path: reliable_stamp(stamp, self.host.began) for path, stamp in self.stamps.items()
        }
        if self._note(gates):
            self._keep()
        below = len(self.root) + 1
        fresh |= {path[below:]: stamp for path, stamp in shown.files.items()}
        told: list[Event] = [*self.told, *(gate.judged() for gate in gates)]
        text = format_unchanged(told, self.last.count, untold)
        manifest.update(self.look, fresh, self.trees, text, self.last.mark)
