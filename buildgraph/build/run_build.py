"""Build a request: choose the cheapest start, run the dirty actions, finish.

no input changed          print the saved answer (the command line, without this module)
sources or values only    continue from the last build in this workspace
equal request elsewhere   continue from the snapshot in the cache; copy outputs from the store
result or tool differs    the graph of that snapshot, every action dirty
anything else             parse and analyse, every action dirty
"""

from __future__ import annotations

import time

from ..execution.executor import Attempt, Executor
from ..host.environment import (
    BuildEnvironment,
    choose_level,
    engine_stamps,
    open_environment,
    own_folder,
)
from ..host.host_tools import HostTools
from ..host.source_files import SourceChanged
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import Cancelled, cancellable
from ..state.incremental import start_from_workspace
from ..state.request_graph import decode_request
from ..state.start import start_with_all_dirty
from ..store.protocol import Missing
from ..types.errors import INTERRUPTED, BuildError
from ..types.events import Planned, Warned
from ..types.request import Request
from .finish import finish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..sandbox.job import Cancel
    from ..state.build_files import EditedFile, EditedGraph
    from ..state.graph_cache import CachedGraph
    from ..state.incremental import AnalyseEdits
    from ..state.snapshot import Snapshot
    from ..state.start import Start
    from ..types.events import Listener

__all__ = ["Request", "build"]
RESTARTS = 8  # attempts when files change during the build or the store has lost a blob


def build(root: str, request: Request, listen: Listener, cancel: Cancel) -> int:
    """Build a request and return the exit code.

    BuildError for an error of the user's before anything runs.
    """
    with (
        cancellable(cancel.is_set),
        open_environment(root, request.sandbox_debug, lambda text: listen(Warned(text))) as host,
    ):
        for number in range(RESTARTS):
            attempt = Attempt(root, request, listen, cancel, host, "none")
            try:
                return _run_attempt(attempt, is_first=number == 0)
            except SourceChanged as change:
                listen(
                    Warned(
                        f"{change.path} changed while it was being built: "
                        "starting over with what it holds now"
                    )
                )
            except Cancelled:
                return INTERRUPTED
            except Missing as missing:
                blob = missing.digest.hash[:12]
                listen(Warned(f"the cache lost blob {blob}: making it again"))
            host.sources.forget()
            host.tools = HostTools(host.sources)
    raise BuildError(
        "the inputs kept changing while they were being built",
        None,
        "stop what writes them, then build again",
        "broken",
    )


def _run_attempt(attempt: Attempt, is_first: bool) -> int:
    """Build from the cheapest start. Only a first attempt uses what earlier builds saved."""
    request, host, saved = (
        attempt.request,
        attempt.host,
        is_first and attempt.request.can_use_manifest,
    )
    began = time.monotonic_ns()
    start = start_from_workspace(attempt, analyse_with(host)) if saved else None
    if start is not None:
        return _execute(start, began)
    if not host.engine:
        # Taken before rules are imported, so that a later upgrade is noticed.
        host.engine = engine_stamps()
    attempt = _with_level(attempt, host)
    if request.out:
        from ..outputs.out_dir import check_folder

        check_folder(attempt.root, request.out, host.store.root)
    if saved:
        code = _build_cached(attempt, began)
        if code is not None:
            return code
    return _execute(_analysed(attempt), began)


def analyse_with(host: BuildEnvironment) -> AnalyseEdits:
    """The analysis of edited BUILD files, for a build that begins with this environment."""

    def analyse(
        attempt: Attempt, snapshot: Snapshot, edits: Mapping[str, EditedFile]
    ) -> EditedGraph | None:
        if not host.engine:
            host.engine = engine_stamps()  # before rules are imported, as in any other start
        attempt.host.engine = host.engine
        from .partial_analysis import analyse_edits  # imports pydantic

        return analyse_edits(attempt, snapshot, edits)

    return analyse


def _with_level(attempt: Attempt, host: BuildEnvironment) -> Attempt:
    request = attempt.request
    level = choose_level(request.sandbox, own_folder(attempt.root, host.store))
    return Attempt(attempt.root, request, attempt.listen, attempt.cancel, host, level)


def _build_cached(attempt: Attempt, began: int) -> int | None:
    """Build from a snapshot of the cache.

    None if there is none, or if analysis has to report an error of a source.
    """
    from ..state.graph_cache import load_graph
    from ..state.restore import start_from_cache

    cached = load_graph(attempt)
    if cached is None:
        return None
    start = start_from_cache(attempt, cached)
    if start is not None:
        return _execute(start, began)
    graph = decode_request(cached.snapshot, cached.inputs)
    if graph is None:
        return None
    try:
        return _execute(start_with_all_dirty(attempt, graph, cached.snapshot, cached.path), began)
    except BuildError as error:
        if error.reason not in ("source", "input"):
            raise
        return None  # analysis reports the error with its place in BUILD.toml


def _analysed(attempt: Attempt) -> Start:
    from .from_source import evaluate_request  # imports pydantic and NetworkX

    tools = attempt.host.tools
    graph = evaluate_request(
        attempt.root, attempt.request, lambda program: tools.find(program) is not None
    )
    cached: CachedGraph | None = None
    if attempt.request.can_use_manifest:
        from ..state.graph_cache import save_graph

        cached = save_graph(attempt, graph)
    if cached is None:
        return start_with_all_dirty(attempt, graph)
    return start_with_all_dirty(attempt, graph, cached.snapshot, cached.path)


def _execute(start: Start, began: int) -> int:
    """Run the dirty actions of a start and finish the build."""
    attempt, unchanged = start.attempt, start.unchanged
    executor = Executor(attempt, start.graph, start.gate_only, start.known)
    attempt.listen(
        Planned(
            start.labels if unchanged.listed else (),
            len(start.numbers) + len(unchanged.events),
            len(start.gates),
            attempt.level,
            executor.plan.critical_path_ms if executor.costs else (),
        )
    )
    for event in unchanged.events:
        attempt.listen(event)
    executor.run()
    return finish(start, executor, began)
