"""Go on from the last build in this workspace, if only source and BUILD files have changed.

The manifest reports which paths changed, the snapshot which actions read them. Those actions and
all that depend on them are dirty. A BUILD file may have other comments. If it has other values, the
targets that they reach are analysed again. Any other change (the entries of a folder, a tool, an
output) needs another start. The cost follows what changed, except for the manifest, which is
written as a whole.
"""

from __future__ import annotations

import os

from ..execution.executor import Attempt
from ..fastpath import manifest
from ..files.entries import Listing, listings_of
from ..files.stamp import Stamp, fingerprint
from ..host.environment import RULES_FOLDER, BuildEnvironment, machine_identity
from ..host.host_tools import HostTools
from ..lite import TYPE_CHECKING
from ..sandbox.job import LEVELS
from ..types.digest import Digest
from ..workspace.root import BUILD
from .snapshot import Snapshot, load
from .start import Start, start_from_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from ..host.source_files import SourceFiles
    from ..types.request import Request
    from .build_files import EditedFile, EditedGraph

    AnalyseEdits: TypeAlias = Callable[
        [Attempt, Snapshot, Mapping[str, EditedFile]], EditedGraph | None
    ]

FOLDER = ".buildgraph/snapshots"


def snapshot_path(root: str, request: Request) -> str:
    """The snapshot of a request in its workspace."""
    return os.path.join(root, FOLDER, manifest.request_name(request.words, request.package))


def start_from_workspace(attempt: Attempt, analyse: AnalyseEdits | None = None) -> Start | None:
    """The start of a build that goes on from the last one here, or None if it must begin elsewhere.

    `analyse` analyses what edited BUILD files reach; without it, no value may have changed. The
    level of the sandbox is that of the last build. Digests and tools taken from the snapshot are
    used in this attempt alone, since another start must look for itself.
    """
    last, snapshot = manifest.last_check, _last_snapshot(attempt)
    if last is None or snapshot is None:
        return None
    assert snapshot.results is not None, "a last snapshot has results"
    host, sources = attempt.host, attempt.host.sources.fresh()
    tools = HostTools(sources)
    host = BuildEnvironment(host.store, sources, tools, host.scratch, host.began)
    numbers = {name: number for number, name in enumerate(snapshot.graph.strings("sources"))}
    sources.assume(_lookup(snapshot, numbers))
    stamps: dict[str, Stamp] = {}
    paths = [os.fsdecode(last.paths[at]) for at in last.changed]
    edits = _edited_build_files(snapshot, attempt.root, paths)
    changed = None
    if edits is not None:
        changed = _changed_sources(snapshot, sources, paths, numbers, stamps, edits=edits)
    if edits is None or changed is None:
        return None
    tools.restore(snapshot.results.strings("tools"))
    level = next(known for known in LEVELS if known == snapshot.results.strings("facts")[0])
    attempt = Attempt(attempt.root, attempt.request, attempt.listen, attempt.cancel, host, level)
    edited: Sequence[int] = ()
    if any(edit.has_other_values for edit in edits.values()):
        graph = _analyse_edits(attempt, snapshot, edits, analyse, stamps)
        if graph is None:
            return None
        changed = graph.sources_named({name for name, at in numbers.items() if at in changed})
        snapshot, edited = graph.snapshot, graph.edited
        last.folders = snapshot.graph.parts["folders"]
    publish_to = _take_edits(attempt, snapshot, edits)
    return start_from_snapshot(
        attempt,
        snapshot,
        changed,
        edited=edited,
        manifest=last,
        stamps=stamps,
        publish_to=publish_to,
    )


def _take_edits(attempt: Attempt, snapshot: Snapshot, edits: Mapping[str, EditedFile]) -> str:
    """Record edits in a snapshot; the path in the cache to publish it at, or empty."""
    if not edits:
        return ""
    from .build_files import take_edits

    return take_edits(attempt, snapshot, edits)


def _analyse_edits(
    attempt: Attempt,
    snapshot: Snapshot,
    edits: Mapping[str, EditedFile],
    analyse: AnalyseEdits | None,
    stamps: dict[str, Stamp],
) -> EditedGraph | None:
    """The graph after edits of values; None if a part of an analysis is not enough for it.

    Its new sources have their contents. `stamps` takes the stamps of new sources and folders.
    """
    graph = analyse(attempt, snapshot, edits) if analyse else None
    if graph is None or not _read_new_sources(graph.snapshot, attempt.host.sources, stamps):
        return None
    stamps.update(graph.stamps)
    return graph


def _last_snapshot(attempt: Attempt) -> Snapshot | None:
    """The snapshot that belongs to the manifest that was checked, from this machine."""
    request, last = attempt.request, manifest.last_check
    path = snapshot_path(attempt.root, request)
    if not request.can_use_manifest or last is None or last.root != attempt.root:
        return None
    if last.name != os.path.basename(path):
        return None
    snapshot = load(path)
    if snapshot is None or snapshot.results is None or snapshot.checksum != last.snapshot:
        return None
    _, *machine = snapshot.results.strings("facts")
    return snapshot if machine and machine == machine_identity() else None


def _read_new_sources(snapshot: Snapshot, sources: SourceFiles, stamps: dict[str, Stamp]) -> bool:
    """Set the contents of the sources that the last build did not read; False if one cannot be.

    `stamps` takes their stamps from before they were read. A file that analysis read keeps its
    older one.
    """
    analysed = {*snapshot.graph.strings("files")[::2]}
    for number, name in enumerate(snapshot.graph.strings("sources")):
        if not snapshot.source_rows[number]:
            if not sources.exists(name):
                return False
            snapshot.set_source(number, source_row(*sources.digest(name)))
            if name not in analysed:
                stamps[name] = sources.stamps[name]
    return True


def _edited_build_files(
    snapshot: Snapshot, root: str, paths: Sequence[str]
) -> dict[str, EditedFile] | None:
    """The BUILD files among changed paths; None if one cannot be read."""
    if not any(os.path.basename(path) == BUILD for path in paths):
        return {}
    from .build_files import read_edited

    strings = snapshot.graph.strings("texts")
    texts = dict(zip(strings[::2], strings[1::2]))
    edits: dict[str, EditedFile] = {}
    for path in paths:
        if path in texts:
            edit = read_edited(os.path.join(root, path), texts[path])
            if edit is None:
                return None
            edits[path] = edit
    return edits


def _changed_sources(
    snapshot: Snapshot,
    sources: SourceFiles,
    paths: Sequence[str],
    numbers: Mapping[str, int],
    stamps: dict[str, Stamp],
    *,
    edits: Mapping[str, EditedFile],
) -> list[int] | None:
    """The numbers of sources with another content, of these paths with another stamp.

    None if something else than the content of sources and of BUILD files has changed. A file that
    analysis read may be a source, too. `stamps` takes the stamp of each path from before it was
    read.
    """
    folders = listings_of(snapshot.graph.strings("folders"))
    analysed = {*snapshot.graph.strings("files")[::2]}
    changed: list[int] = []
    for path in paths:
        if path in folders:
            stamp = _stamp_of_same_folder(sources, path, folders[path])
            if stamp is None:
                return None
            stamps[path] = stamp
        elif path in analysed and path not in edits:
            return None
        elif path in numbers and sources.exists(path):
            content = sources.rehash(path)
            stamps[path] = sources.stamps[path]
            if snapshot.set_source(numbers[path], source_row(*content)):
                changed.append(numbers[path])
        elif path not in edits:
            return None
        if path in edits:
            stamps[path] = edits[path].stamp  # older than the one above
    return changed


def _stamp_of_same_folder(sources: SourceFiles, path: str, listing: Listing) -> Stamp | None:
    """The stamp of a folder from before it was listed, or None if its entries differ."""
    folder = sources.path(path)
    if not os.path.isdir(folder):
        return None
    stamp = fingerprint(folder)  # before it is listed, so that later changes show
    root = os.path.normpath(sources.root)
    return stamp if listing.is_current(root, os.path.normpath(folder)) else None


def _lookup(
    snapshot: Snapshot, numbers: Mapping[str, int]
) -> Callable[[str], tuple[Digest, bool] | None]:
    """The contents of sources and of shipped files in the last build, by name."""
    shipped = shipped_files(snapshot)

    def lookup(name: str) -> tuple[Digest, bool] | None:
        if name in numbers:
            return parse_source_row(snapshot.source_rows[numbers[name]])
        return shipped.get(name)

    return lookup


def shipped_files(snapshot: Snapshot) -> dict[str, tuple[Digest, bool]]:
    """The files of buildgraph that actions read in the last build, with their contents then."""
    assert snapshot.results is not None, "the last build has results"
    strings = iter(snapshot.results.strings("shipped"))
    return {
        os.path.join(RULES_FOLDER, path): (Digest.parse(digest), bool(executable))
        for path, digest, executable in zip(strings, strings, strings)
    }


def source_row(digest: Digest, executable: bool) -> bytes:
    """The content of a source as a line."""
    return f"{digest} {'x' if executable else ''}".encode()


def parse_source_row(row: bytes) -> tuple[Digest, bool]:
    """The content of a source from its line."""
    digest, _, executable = row.decode().partition(" ")
    return Digest.parse(digest), bool(executable)
