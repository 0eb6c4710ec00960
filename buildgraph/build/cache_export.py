"""Export the results that labels need, and find their keys without a build."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..execution.executor import Attempt, Executor
from ..fastpath import manifest
from ..files.regular_file import open_regular, read_regular
from ..host.environment import engine_identity, engine_stamps, open_environment
from ..state.graph_cache import GraphName, load_graph, toml_of
from ..state.incremental import start_from_workspace
from ..state.portable import GraphFile, without_host
from ..state.request_graph import RequestGraph, decode_request
from ..state.snapshot import parse
from ..store import result_record
from ..store.archive import Entry, write_archive
from ..store.closure import blobs_of
from ..store.disk import DiskStore
from ..store.protocol import Missing
from ..store.signed_record import is_trusted, sign_graph
from ..types.digest import Digest
from ..types.errors import BuildError
from ..types.request import Request

_SMALL = 1 << 20  # bytes; a smaller blob is read whole


@dataclass(frozen=True, slots=True)
class NeededResults:
    """The keys of the results that a request needs, and the number of actions without a key.

    An action has no key if the result of one that it depends on is missing. `snapshot` is the
    state of the request in bytes, with results if the last build of it is up to date.
    """

    keys: tuple[Digest, ...]
    unknown: int
    snapshot: bytes


@dataclass(frozen=True, slots=True)
class ExportReport:
    """Counts of an export, and the bytes of the file.

    `missing` are the actions whose results the cache does not have.
    """

    results: int
    blobs: int
    graphs: int
    missing: int
    size: int


def needed_results(root: str, request: Request) -> NeededResults:
    """Find the results that a request needs as its files are now. BuildErrors as in a build."""
    manifest.check_manifest(root, request.words, request.package)
    with open_environment(root, False, lambda text: None) as host:
        attempt = Attempt(root, request, lambda event: None, threading.Event(), host, "none")
        last = _last_build(attempt)
        if last is not None:
            return last
        host.engine = engine_stamps()
        cached = load_graph(attempt)
        graph = decode_request(cached.snapshot, cached.inputs) if cached is not None else None
        if graph is None:
            from .from_source import evaluate_request  # imports pydantic and NetworkX: 0.2 s

            graph = evaluate_request(
                root, request, lambda program: host.tools.find(program) is not None
            )
        return _keys_of(attempt, graph)


def export_cache(
    store: DiskStore, path: str, needed: NeededResults, request: Request
) -> ExportReport:
    """Write the results that a request needs, and its graph, to a file."""
    entries: dict[Entry, bytes | Digest] = {}
    missing = needed.unknown
    for key in set(needed.keys):
        stored = _stored_result(store, key)
        if stored is None:
            missing += 1
            continue
        record, blobs = stored
        entries[Entry("result", key.hash, len(record))] = record
        entries |= {Entry("blob", digest.hash, digest.size): digest for digest in blobs}
    graph = _graph_file(store, needed.snapshot, request)
    entries[Entry("graph", hashlib.sha256(graph).hexdigest(), len(graph))] = graph

    def content(entry: Entry) -> Iterable[bytes]:
        value = entries[entry]
        return (value,) if isinstance(value, bytes) else _blob(store, value)

    size = write_archive(path, entries, content)
    results, all_blobs, graphs = (
        sum(entry.kind == kind for entry in entries) for kind in ("result", "blob", "graph")
    )
    return ExportReport(results, all_blobs, graphs, missing, size)


def _last_build(attempt: Attempt) -> NeededResults | None:
    """The results that the last build here needed; None if something has changed since."""
    start = start_from_workspace(attempt)
    if start is None or start.numbers or start.snapshot is None:
        return None
    records, data = (
        start.snapshot.records(range(start.snapshot.count)),
        without_host(start.snapshot),
    )
    if records is None or data is None:
        return None
    return NeededResults(tuple(Digest.parse(one.key) for one in records), 0, data)


def _keys_of(attempt: Attempt, graph: RequestGraph) -> NeededResults:
    """Compute keys in the order of the graph, each from the results of earlier actions."""
    executor, store = Executor(attempt, graph.steps), attempt.host.store
    unknown = 0
    for step, action in enumerate(graph.steps.actions):
        ready = all(
            graph.steps.actions[other] in executor.results for other in graph.steps.deps[step]
        )
        tools = attempt.host.tools
        if not ready or any(tools.find(name) is None for name in action.programs):
            unknown += 1
            continue
        key = executor.keys[action] = executor.task(step).key.digest
        result = store.recall(key)
        if result is not None:
            executor.results[action] = result
    return NeededResults(tuple(executor.keys.values()), unknown, graph.encode())


def _stored_result(store: DiskStore, key: Digest) -> tuple[bytes, set[Digest]] | None:
    """The record of a key and the digests of its blobs; None unless all of them are there."""
    try:
        data = read_regular(store.record_path(key))
        record = result_record.decode(key, data)
        if record is None or not is_trusted(store.trust, key, *record):
            return None
        blobs = set(blobs_of(record[0], store.read))
    except (OSError, Missing, ValueError):
        return None
    return (data, blobs) if all(map(store.has, blobs)) else None


def _graph_file(store: DiskStore, data: bytes, request: Request) -> bytes:
    snapshot = parse(data)
    assert snapshot is not None, "it was encoded just now"
    name, engine = GraphName(request.package, request.words, toml_of(snapshot)), engine_stamps()
    signed = sign_graph(store.trust, name.identity(engine), data)
    return GraphFile(engine_identity(engine), name, signed).encode()


def _blob(store: DiskStore, digest: Digest) -> Iterator[bytes]:
    """The verified bytes of a blob; BuildError if it is damaged."""
    try:
        if digest.size <= _SMALL:
            yield store.read(digest)
            return
        if not store.verify(digest):
            raise Missing(digest)
    except Missing:
        raise BuildError(
            f"blob {digest.hash[:12]} of the cache is damaged",
            fix="build again, which makes it again, then export",
            reason="broken",
        ) from None
    with open(open_regular(store.blob_path(digest)), "rb") as file:
        while piece := file.read(_SMALL):
            yield piece
