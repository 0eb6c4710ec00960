"""One build: labels in, artifacts and verdicts out. The only place where graph, store, sandbox and listeners meet."""
from __future__ import annotations

import time
from itertools import filterfalse

from ..execution import durations
from ..state.restore import restore
from ..lite.contextmanagers import Cancelled, cancellable
from ..execution.executor import Executor
from ..types.request import Request
from ..types.errors import INTERRUPTED, OK, BuildError
from ..types.events import Finished, Listener, Planned, Warned
from ..host.environment import BuildEnvironment, engine_stamps, choose_level, open_environment
from ..sandbox.job import Cancel
from ..state.incremental import build_incrementally
from ..state.save import GateRecord, save_build, stamps_of, verdict_of
from ..outputs.output_tree import OutputTree, InstalledOutputs
from ..types.action import Gate, Output
from ..execution.scheduler import Scheduler, StepState
from ..outputs.owned_paths import owned_paths
from ..host.source_files import SourceChanged
from ..keys.action_graph import RequestedOutput
from ..store import gc_roots
from ..store.protocol import Missing
from ..host.host_tools import HostTools
from ..state.graph_cache import SavedGraph, RequestGraph, save_graph, load_graph, publish_graph
from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Request", "Session", "build"]
RESTARTS = 8   # a build starts over when a file moved under it or the store lost a blob; then it is given up


def build(root: str, request: Request, listen: Listener, cancel: Cancel) -> int:
    """Build what is asked for and return the exit code; BuildError for a fault of the user's before anything runs."""
    with cancellable(cancel.is_set), open_environment(root, request.sandbox_debug, lambda text: listen(Warned(text))) as host:
        for attempt in range(RESTARTS):
            try:
                code = _soon(root, request, listen, cancel, host) if attempt == 0 else None
                return code if code is not None else Session(root, request, listen, cancel, host).run()
            except SourceChanged as moved:
                listen(Warned(f"{moved.path} changed while it was being built: starting over with what it holds now"))
            except Cancelled:
                return INTERRUPTED
            except Missing as missing:
                listen(Warned(f"the cache lost blob {missing.digest.hash[:12]}: making it again"))
            host.sources.forget()
            host.tools = HostTools(host.sources)
    raise BuildError("the inputs kept changing while they were being built", None,
                     "stop what writes them, then build again", "broken")


def _soon(root: str, request: Request, listen: Listener, cancel: Cancel, host: BuildEnvironment) -> int | None:
    """Build without analysis: from where the last build ended, or what another one found in the same files; or None."""
    code = build_incrementally(root, request, listen, cancel, host)
    if code is not None:
        return code
    host.engine = engine_stamps()   # before rules are imported: an upgrade from now on must show
    if not request.can_use_manifest:
        return None
    graph = load_graph(host, root, request, lambda name: host.tools.find(name) is not None)
    if graph is None:
        return None
    code = restore(root, request, listen, cancel, (host, graph))
    if code is not None:
        return code
    try:
        return Session(root, request, listen, cancel, host).run(graph.work(), graph.kept)
    except BuildError as fault:
        if fault.reason not in ("source", "input"):
            raise
        return None   # whoever wrote BUILD.toml is told where in it


class Session(Executor):
    """One attempt at a request, from its labels."""

    kept: SavedGraph | None = None   # the work in the cache

    def run(self, work: RequestGraph | None = None, kept: SavedGraph | None = None) -> int:
        """Analyse, unless the work is known (and `kept`), plan, run, show, remember."""
        start = time.monotonic_ns()
        self.level = choose_level(self.request.sandbox, self.host.store.root)
        self.kept = kept
        if self.request.out:
            from ..outputs.out_dir import check_folder
            check_folder(self.root, self.request.out, self.host.store.root)
        if work is None:
            work = self._analysed()
        self.steps, self.gate_only = work.steps, set(work.gate_only)
        costs = durations.estimate_costs(self.root, self.steps.actions)
        self.plan = Scheduler(self.steps.deps, costs)
        self.listen(Planned(work.labels, len(self.steps.actions), len(work.gates), self.level,
                            self.plan.chains if costs else ()))
        self.drive()
        rows = self._judge(work.gates)
        scope = owned_paths(self.root, self.request, frozenset(work.labels), (want.path for want in work.wanted), self.listen)
        built = OutputTree(self.root, self.host.store, self.host.sources, self.host.began).show(
            [want for want in work.wanted if self._whole(want)], self.node, self.listen, scope)
        if self.request.out and not self.cancel.is_set():
            from ..outputs.out_dir import copy_out
            copy_out(self.root, self.request.out, built, self.host.store)
        code = self.code([row.judged() for row in rows])
        if self.request.on_finish is not None:
            code = self.request.on_finish(self, code)
        self.host.sources.save()
        gc_roots.save_roots(self.host.store.root, self.root, self.request.patterns,
                       [str(self.keys[action]) for action in self.results])
        counts = self.plan.counts
        finished = Finished(code, self.counts["ran"], self.counts["hit"], self.counts["shared"],
                            counts[StepState.FAILED] - self.interrupted, counts[StepState.SKIPPED],
                            (time.monotonic_ns() - start) // 1_000_000)
        if code == OK and self.request.can_use_manifest:
            self._leave(work, (built, rows))
        self.listen(finished)
        return code

    def _analysed(self) -> RequestGraph:
        from .from_source import evaluate_request   # dear: analysis needs pydantic and NetworkX
        work = evaluate_request(self.root, self.request, self._has)
        if self.request.can_use_manifest:
            self.kept = save_graph(self.host, self.request, work, self._has)
        return work

    def _leave(self, work: RequestGraph, seen: tuple[InstalledOutputs, list[GateRecord]]) -> None:
        built, rows = seen
        stamps = stamps_of(self, work.basis, built.files)
        mark = save_build(self, work.labels, work.wanted, (rows, built.events), (work.basis.folders, stamps))
        if mark and self.kept is not None:
            publish_graph(self.kept, self.root, self.request, mark)

    def _whole(self, want: RequestedOutput) -> bool:
        return not isinstance(want.artifact, Output) or want.artifact.action in self.results

    def _has(self, program: str) -> bool:
        return self.host.tools.find(program) is not None

    def _judge(self, gates: Sequence[tuple[str, Gate]]) -> list[GateRecord]:
        rows = []
        for label, gate in gates:
            assert isinstance(gate.verdict, Output)
            lacking, number = [*filterfalse(self._has, gate.needs)], self.steps.number.get(gate.verdict.action)
            verdict, why = verdict_of(StepState.WANT if number is None else self.plan.state[number])
            if lacking:
                verdict, why = "not checked", f"it needs {', '.join(lacking)}"
            rows.append(GateRecord(label, gate.name, None if lacking else number, verdict, why))
            self.listen(rows[-1].judged())
        return rows
