"""One build: labels in, artifacts and verdicts out. The only place where graph, store, sandbox and listeners meet."""
from __future__ import annotations

import os
import time

from . import pace
from .drive import Drive, Request
from .errors import OK, BuildError
from .events import Finished, Listener, Planned, Warned
from .host import level_of, opened, own_files
from .execute.job import Cancel
from .increment import go_on
from .left import Row, leave, verdict_of
from .materialise import Materialiser, Shown
from .model import Gate, Output
from .plan import Plan, State
from .source import Moved, fingerprint, settled
from .steps import Steps, Wanted, gates_of, wanted_of
from .store import roots
from .store.protocol import Missing
from .toolchain import Toolchain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loading import Loaded

__all__ = ["Request", "Session", "build"]
RESTARTS = 8   # a build starts over when a file moved under it or the store lost a blob; then it is given up


def build(root: str, request: Request, listen: Listener, cancel: Cancel) -> int:
    """Build what is asked for and return the exit code; BuildError for a fault of the user's before anything runs."""
    with opened(root, request.sandbox_debug, lambda text: listen(Warned(text))) as host:
        for attempt in range(RESTARTS):
            try:
                code = go_on(root, request, listen, cancel, host) if attempt == 0 else None
                return code if code is not None else Session(root, request, listen, cancel, host).run()
            except Moved as moved:
                listen(Warned(f"{moved.path} changed while it was being built: starting over with what it holds now"))
            except Missing as missing:
                listen(Warned(f"the cache lost blob {missing.digest.hash[:12]}: making it again"))
            host.sources.forget()
            host.tools = Toolchain(host.sources)
    raise BuildError("the inputs kept changing while they were being built", None,
                     "stop what writes them, then build again", "broken")


class Session(Drive):
    """One attempt at a request, from its labels."""

    def run(self) -> int:
        """Analyse, plan, run, show, remember."""
        start, began = time.monotonic_ns(), time.time_ns()
        from . import loading   # dear: analysis needs pydantic and NetworkX
        self.level = level_of(self.request.sandbox)
        loaded = loading.load(self.root, self.request.patterns, self.request.package)
        wanted = [want for label in loaded.labels for want in wanted_of(label, loaded.analysis.providers[label])]
        gates = self._gates(loaded)
        able = [gate.verdict for _, gate in gates if not self._lacking(gate)]
        self.steps = Steps.of([*(want.artifact for want in wanted), *able])
        needed = Steps.of(want.artifact for want in wanted).number
        self.gate_only = {number for action, number in self.steps.number.items() if action not in needed}
        costs = pace.costs(self.root, self.steps.actions)
        self.plan = Plan(self.steps.needs, costs)
        self.listen(Planned(tuple(map(str, loaded.labels)), len(self.steps.actions), len(gates), self.level,
                            self.plan.chains if costs else ()))
        self.drive()
        rows = self._judge(gates)
        built = Materialiser(self.root, self.host.store, self.host.sources).show(
            [want for want in wanted if self._whole(want)], self.node, self.listen)
        if self.request.out:
            built.copy_to(self.request.out)
        code = self.code([row.judged() for row in rows])
        if self.request.after is not None:
            code = self.request.after(self, code)
        self.host.sources.save()
        roots.remember(self.host.store.root, self.root, self.request.patterns,
                       b"\n".join(str(self.keys[action].digest).encode() for action in self.results))
        counts = self.plan.counts
        finished = Finished(code, self.counts["ran"], self.counts["hit"], self.counts["shared"],
                            counts[State.FAILED] - self.interrupted, counts[State.SKIPPED],
                            (time.monotonic_ns() - start) // 1_000_000)
        if code == OK and self.request.plain:
            self._leave(began, loaded, wanted, (built, rows))
        self.listen(finished)
        return code

    def _leave(self, began: int, loaded: Loaded, wanted: list[Wanted], seen: tuple[Shown, list[Row]]) -> None:
        """Leave receipt and snapshot, unless a file that was read is so young that a later edit could look the same."""
        built, rows = seen
        ours = f"{self.root}/.buildgraph/"   # seen through the links of out/
        stamps = {path: stamp for name, stamp in self.host.sources.seen.items()
                  if not (path := self.host.sources.path(name)).startswith(ours)}
        watched = (*loaded.watched, *self.host.tools.watched, *own_files())
        stamps |= {path: fingerprint(path) for path in watched if os.path.exists(path)}
        made = set(built.files)
        young = [path for path, stamp in stamps.items() if path not in made and not settled(stamp, began)]
        if not all(settled(stamps[path], time.time_ns()) and loaded.lists_as_before(path) for path in young):
            return
        stamps |= {path: fingerprint(path) for path in made}
        labels = [str(label) for label in loaded.labels]
        leave(self, labels, wanted, (rows, built.events), (loaded.folders, stamps))

    def _gates(self, loaded: Loaded) -> list[tuple[str, Gate]]:
        if not self.request.gates:
            return []
        return [(str(label), gate) for label in loaded.labels for gate in gates_of(loaded.analysis.providers[label])]

    def _whole(self, want: Wanted) -> bool:
        return not isinstance(want.artifact, Output) or want.artifact.action in self.results

    def _lacking(self, gate: Gate) -> list[str]:
        return [name for name in gate.needs if self.host.tools.find(name) is None]

    def _judge(self, gates: list[tuple[str, Gate]]) -> list[Row]:
        rows = []
        for label, gate in gates:
            assert isinstance(gate.verdict, Output)
            lacking, number = self._lacking(gate), self.steps.number.get(gate.verdict.action)
            verdict, why = verdict_of(State.WANT if number is None else self.plan.state[number])
            if lacking:
                verdict, why = "not checked", f"it needs {', '.join(lacking)}"
            rows.append(Row(label, gate.name, None if lacking else number, verdict, why))
            self.listen(rows[-1].judged())
        return rows
