"""Save the state of a finished build (snapshot and manifest) for the next one."""

from __future__ import annotations

import os

from ..fastpath.manifest import FOLDER, InputManifest
from ..files.stamp import reliable_stamp
from ..host.environment import RULES_FOLDER, machine_identity
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.pack import pack_strings
from ..lite.record import Record
from ..store import gc_roots
from ..types.events import Built, Judged
from ..ui.summary import format_unchanged
from .incremental import snapshot_path, source_row
from .snapshot import write
from .step_codec import StepRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..execution.executor import Executor
    from ..files.stamp import Stamp
    from .snapshot import Snapshot
    from .start import Start


class WrittenOutputs(Record, eq=False):
    """The outputs of a build: events in order, new states by number, and stamps of files.

    `trees` are the paths of the folders that were written, and `unlisted` counts the targets
    without an event.
    """

    events: Sequence[Built]
    states: dict[int, bytes]
    files: dict[str, Stamp]
    trees: Sequence[str]
    unlisted: int


def forget_builds(root: str) -> None:
    """Remove the manifests of a workspace, when a result is removed from the cache.

    A manifest would report the outputs in out/ as up to date, and no action would run again.
    """
    from ..files.remove_tree import remove

    with suppress(OSError):
        for name in os.listdir(os.path.join(root, FOLDER)):
            remove(os.path.join(root, FOLDER, name))


def save_state(
    start: Start, executor: Executor, gates: Sequence[Judged], written: WrittenOutputs, run: bytes
) -> None:
    """Save snapshot and manifest of a build, and publish the snapshot if it is new.

    `run` are the actions of the build as in the log of runs.
    """
    attempt, snapshot = start.attempt, start.snapshot
    assert snapshot is not None, "without a snapshot there is no state to save"
    text = format_unchanged([*written.events, *gates], snapshot.count, written.unlisted)
    if start.inputs is None:
        assert start.manifest is not None, "a build that goes on here has a manifest"
        _set_results(snapshot, start, executor, gates, written.states)
        if snapshot.is_changed:
            _save_changes(start, snapshot)
        below = len(attempt.root) + 1
        stamps = {
            path: reliable_stamp(stamp, attempt.host.began) for path, stamp in start.stamps.items()
        } | {path[below:]: stamp for path, stamp in written.files.items()}
        start.manifest.update(stamps, written.trees, text, snapshot.checksum)
        return
    from .input_stamps import collect_stamps

    contents = attempt.host.sources.known_digests()
    snapshot.source_rows = [
        source_row(*contents[name]) for name in snapshot.graph.strings("sources")
    ]
    _set_results(snapshot, start, executor, gates, written.states)
    all_stamps = collect_stamps(attempt.host, start.inputs, written.files)
    checksum = _save_snapshot(start, snapshot, run)
    if all_stamps is not None:
        request = attempt.request
        InputManifest(attempt.root, request.words, request.package).write(
            all_stamps, pack_strings(start.inputs.listed()), text, checksum
        )


def _set_results(
    snapshot: Snapshot,
    start: Start,
    executor: Executor,
    gates: Sequence[Judged],
    states: dict[int, bytes],
) -> None:
    """Set the results of this build in the snapshot."""
    for number, action, outputs in zip(start.numbers, executor.steps.actions, start.outputs_of):
        last = StepRecord(
            str(executor.keys[action]),
            executor.results[action].milliseconds,
            tuple(states[output] for output in outputs),
        )
        snapshot.set_record(number, last)
    files = snapshot.graph.strings("file_outputs")[::9]
    before = dict(zip(files, snapshot.file_states.split(b"\n")))
    snapshot.set_states(
        pack_strings(string for gate in gates for string in (gate.verdict, gate.why)),
        b"\n".join(states.get(int(number)) or before[number] for number in files),
    )


def _save_snapshot(start: Start, snapshot: Snapshot, run: bytes) -> int:
    """Write the snapshot of a build that did not begin with one of this workspace.

    Its checksum, or 0.
    """
    attempt, machine = start.attempt, machine_identity()
    if not machine:
        return 0
    shipped = {
        os.path.relpath(path, RULES_FOLDER): content
        for path, content in attempt.host.sources.known_digests().items()
        if path.startswith(RULES_FOLDER)
    }
    encoded = snapshot.encode(
        {
            "facts": pack_strings([attempt.level, *machine]),
            "tools": pack_strings(attempt.host.tools.dump()),
            "run": run,
            "shipped": pack_strings(
                string
                for path, (digest, executable) in shipped.items()
                for string in (path, str(digest), "x" if executable else "")
            ),
        }
    )
    if encoded is None:
        return 0
    pieces, checksum = encoded
    saved = write(snapshot_path(attempt.root, attempt.request), pieces)
    if start.publish_to:
        from .graph_cache import publish

        publish(attempt, start.publish_to, pieces)
    return checksum if saved else 0


def _save_changes(start: Start, snapshot: Snapshot) -> None:
    """Write the journal, or a grown one into the snapshot, and protect results from GC."""
    attempt = start.attempt
    request, cache = attempt.request, attempt.host.store.root
    path = snapshot_path(attempt.root, request)
    results, records = snapshot.results, None
    assert results is not None, "a build that goes on here has results"
    if snapshot.needs_compaction:
        records = snapshot.records(range(snapshot.count))
    if records is None:
        gc_roots.save_roots(
            cache, attempt.root, request.patterns, snapshot.changed_keys(), more=True
        )
        snapshot.write_journal(path)
        return
    gc_roots.save_roots(cache, attempt.root, request.patterns, [last.key for last in records])
    facts = {name: results.parts[name] for name in ("facts", "tools", "shipped")}
    encoded = snapshot.encode(facts)
    snapshot.checksum = encoded[1] if encoded is not None and write(path, encoded[0]) else 0
    if encoded is not None and start.publish_to:
        from .graph_cache import publish

        publish(attempt, start.publish_to, encoded[0])
