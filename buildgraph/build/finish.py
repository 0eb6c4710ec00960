"""The end of every build: judge gates, write outputs, save the state for the next one."""

from __future__ import annotations

import time

from ..execution.scheduler import StepState
from ..lite import TYPE_CHECKING
from ..outputs.output_tree import OutputTree
from ..state.run_log import append_run, encode_run
from ..state.save import WrittenOutputs, save_state
from ..state.step_codec import encode_state, is_tree
from ..store import gc_roots
from ..types.action import Output
from ..types.errors import FAILED, OK
from ..types.events import Built, Finished
from .judge_gates import fault_events, has_container, judge_gates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..execution.executor import Executor
    from ..keys.action_graph import RequestedOutput
    from ..outputs.installed_outputs import InstalledOutputs, PlacedOutput
    from ..state.start import Start
    from ..types.events import Listener


def finish(start: Start, executor: Executor, began: int) -> int:
    """End a build that began at a monotonic time (ns); the exit code."""
    attempt, request = start.attempt, start.attempt.request
    # A container needs the image below out/.
    early = _write_outputs(start, executor) if has_container(start) else None
    judgement = judge_gates(start, executor)
    for gate in judgement.gates:
        attempt.listen(gate)
    for fault in fault_events(start, judgement) if judgement.open_gates else ():
        attempt.listen(fault)
    written = early or _write_outputs(start, executor)
    code = executor.code(judgement.gates)
    is_kept = code == OK and not (executor.has_uncached or judgement.is_refused)
    if code == OK and judgement.open_gates:
        code = FAILED
    if request.on_finish is not None:
        code = request.on_finish(executor, code)
    attempt.host.sources.save()
    if start.manifest is None:
        _save_roots(start, executor)
    counts, states = executor.counts, executor.plan.counts
    finished = Finished(
        code,
        counts["ran"],
        counts["hit"] + start.unchanged.count,
        counts["shared"],
        states[StepState.FAILED] - executor.interrupted,
        states[StepState.SKIPPED],
        (time.monotonic_ns() - began) // 1_000_000,
        start.is_noop,
        written.unlisted,
    )
    if not start.is_noop:
        block = encode_run(executor)
        if is_kept and start.snapshot is not None:
            save_state(start, executor, judgement.gates, written, block)
        append_run(attempt.root, request, code, _entries(start, block))
    attempt.listen(finished)
    return code


def _entries(start: Start, block: bytes) -> list[tuple[str, bytes]]:
    """The entries of a build in the log of runs."""
    if start.inputs is None:
        return [("D", block)]
    if not start.unchanged.count:
        return [("F", block)]
    assert start.snapshot is not None and start.snapshot.results is not None
    return [("B", start.snapshot.results.parts.get("run", b"")), ("D", block)]


def _write_outputs(start: Start, executor: Executor) -> WrittenOutputs:
    """Write the outputs of dirty actions, and report them among the unchanged ones."""
    attempt, unchanged = start.attempt, start.unchanged
    outputs = {
        number: output
        for number, output in sorted(start.outputs.items())
        if not isinstance(output.artifact, Output) or output.artifact.action in executor.results
    }
    report_at_once = not unchanged.outputs
    installed = _install(
        start,
        executor,
        outputs.values(),
        attempt.listen if report_at_once else lambda event: None,
    )
    fresh = dict(zip(outputs, installed.events, strict=True))
    events: Sequence[Built] = installed.events
    if not report_at_once:
        reported = {number: output.event for number, output in unchanged.outputs.items()} | fresh
        events = [reported[number] for number in sorted(reported)]
        for event in events:
            attempt.listen(event)
    return WrittenOutputs(
        events,
        {
            number: encode_state(executor.node(outputs[number].artifact), event)
            for number, event in fresh.items()
        },
        installed.files,
        [output.path for output in outputs.values() if is_tree(output.artifact)],
        0 if unchanged.listed else len(start.labels) - len({event.label for event in events}),
    )


def _install(
    start: Start, executor: Executor, outputs: Iterable[RequestedOutput], listen: Listener
) -> InstalledOutputs:
    """Put outputs into `out/` and `--out`, with the unchanged ones if they are not there."""
    attempt, unchanged, scope = start.attempt, start.unchanged, None
    host, request = attempt.host, attempt.request
    others: list[PlacedOutput] = []
    if not unchanged.in_place:
        from ..outputs.owned_paths import owned_paths

        paths = [
            *(output.path for output in start.outputs.values()),
            *(output.event.path for output in unchanged.outputs.values()),
        ]
        scope = owned_paths(attempt.root, request, frozenset(start.labels), paths, attempt.listen)
        others = [
            (output.event.path, output.file, output.node)
            for _, output in sorted(unchanged.outputs.items())
        ]
    tree = OutputTree(attempt.root, host.store, host.sources, host.began)
    installed = tree.write(outputs, executor.node, listen, scope, others)
    if request.out and not attempt.cancel.is_set():
        from ..outputs.out_dir import copy_out

        copy_out(attempt.root, request.out, installed, host.store)
    return installed


def _save_roots(start: Start, executor: Executor) -> None:
    """Protect the results of this build from garbage collection."""
    keys = [
        str(executor.keys[action])
        for action in executor.steps.actions
        if action in executor.results
    ]
    if start.unchanged.count:
        assert start.snapshot is not None, "actions that are unchanged have a snapshot"
        dirty = set(start.numbers)
        others = [number for number in range(start.snapshot.count) if number not in dirty]
        keys += [last.key for last in start.snapshot.records(others) or ()]
    host, request = start.attempt.host, start.attempt.request
    gc_roots.save_roots(host.store.root, start.attempt.root, request.patterns, keys)
