"""Import an exported cache: everything is verified before any of it becomes visible."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..files.regular_file import open_regular, read_regular, replace_file
from ..files.stamp import Stamp
from ..host.environment import engine_identity, engine_stamps
from ..keys.merkle_walk import is_inside, walk_tree
from ..state.portable import GraphFile, decode_graph
from ..state.snapshot import parse
from ..store import result_record
from ..store.archive import Archive, Entry, not_an_archive
from ..store.batch import DiskBatch
from ..store.closure import blobs_of
from ..store.disk import DiskStore
from ..store.protocol import Missing
from ..store.signed_record import is_trusted, open_graph
from ..types.digest import EMPTY, Digest
from ..types.errors import BuildError
from ..types.result import Result, Tree

_SMALL = 1 << 20  # bytes; a smaller blob is read whole


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts of an import: what was new, and the results that the cache had already.

    `other_version` counts results and graphs of another version of buildgraph, `untrusted` those
    that no trusted key of the workspace signed.
    """

    results: int
    blobs: int
    graphs: int
    known: int
    other_version: int
    untrusted: int


def import_cache(store: DiskStore, path: str) -> ImportReport:
    """Import a file into a store; BuildError, and an unchanged store, if it is not valid."""
    with open(_open(path), "rb") as file:
        archive = Archive(file, path)
        _require_space(store, archive.entries)
        batch = store.batch()
        try:
            added = _Import(store, batch, archive, path)
            for entry in archive.entries:
                added.take(entry)
            store.publish([batch])
        except BaseException:
            if batch.open:
                store.drop(batch)
            raise
    engine = engine_stamps() if added.graphs else {}
    identity = engine_identity(engine)
    usable = [graph for graph in added.graphs if graph.engine == identity]
    trusted = [graph for graph in usable if _is_trusted_graph(store, graph, engine)]
    return ImportReport(
        added.results,
        added.blobs,
        sum(_add_graph(store, graph, engine) for graph in trusted),
        added.known,
        added.other_version + len(added.graphs) - len(usable),
        added.untrusted + len(usable) - len(trusted),
    )


class _Import:
    """An import that goes through the entries of an archive."""

    def __init__(self, store: DiskStore, batch: DiskBatch, archive: Archive, path: str) -> None:
        self._store, self._batch, self._archive, self._path = store, batch, archive, path
        self.results = self.blobs = self.known = self.other_version = self.untrusted = 0
        self.graphs: list[GraphFile] = []
        self._present = {EMPTY}  # blobs of the archive

    def take(self, entry: Entry) -> None:
        """Verify an entry, and add it to the batch if it is new."""
        match entry.kind:
            case "blob":
                self._take_blob(entry)
            case "result":
                self._take_result(entry, self._archive.read(entry))
            case _:
                data = self._archive.read(entry)
                graph = decode_graph(data)
                if graph is None:
                    self.other_version += 1
                else:
                    self.graphs.append(graph)

    def _take_blob(self, entry: Entry) -> None:
        digest = Digest(entry.hash, entry.size)
        self._present.add(digest)
        is_known = self._store.has(digest)
        if entry.size > _SMALL:
            pieces = self._archive.pieces(entry)
            if is_known:
                for _ in pieces:
                    pass
            else:
                self._batch.add_pieces(pieces, digest)
        else:
            data = self._archive.read(entry)
            if not is_known:
                self._batch.add(data)
        self.blobs += not is_known

    def _take_result(self, entry: Entry, data: bytes) -> None:
        record = result_record.decode_any(data)
        if record is None and result_record.is_other_version(data):
            self.other_version += 1
            return
        if record is None or record[0].hash != entry.hash:
            raise not_an_archive(self._path, f"result {entry.hash[:12]} is damaged")
        key, result, parts = record
        self._check_blobs(entry, result)
        if not is_trusted(self._store.trust, key, result, parts):
            self.untrusted += 1
            return
        if self._store.recall(key) is not None:
            self.known += 1
            return
        self._batch.add_record(key, data)
        self.results += 1

    def _check_blobs(self, entry: Entry, result: Result) -> None:
        """BuildError unless the archive has all blobs of a result, and its links stay inside."""
        try:
            missing = set(blobs_of(result, self._read)) - self._present
            links = [
                target
                for _, node in result.outputs
                if isinstance(node, Tree)
                for path, _, folder in walk_tree(node.digest, self._read)
                for _, target in folder.symlinks
                if not is_inside(target, path.count("/"))
            ]
        except (Missing, ValueError):
            raise not_an_archive(
                self._path, f"a folder of result {entry.hash[:12]} is damaged or missing"
            ) from None
        if missing:
            raise not_an_archive(self._path, f"a blob of result {entry.hash[:12]} is missing")
        if links:
            raise not_an_archive(
                self._path, f"result {entry.hash[:12]} has a link that leaves its folder"
            )

    def _read(self, digest: Digest) -> bytes:
        if digest not in self._present:
            raise Missing(digest)
        return self._batch.read(digest)


def _open(path: str) -> int:
    try:
        return open_regular(os.path.realpath(path))
    except OSError as error:
        raise BuildError(
            f"cannot read {path}: {error.strerror or error}",
            fix="name a file that `cache export` wrote",
            reason="cache-file",
        ) from None


def _require_space(store: DiskStore, entries: Sequence[Entry]) -> None:
    """BuildError if the disk has too little room for the new blobs."""
    disk = os.statvfs(store.root)
    size = sum(
        entry.size
        for entry in entries
        if entry.kind != "blob" or not store.has(Digest(entry.hash, entry.size))
    )
    if size > disk.f_bavail * disk.f_frsize:
        raise BuildError(
            f"the disk of the cache folder {store.root} has no room for {size} bytes",
            fix="make room, or set BUILDGRAPH_CACHE to a folder on another disk",
            reason="environment",
        )


def _is_trusted_graph(store: DiskStore, graph: GraphFile, engine: Iterable[str]) -> bool:
    name = graph.name.identity(engine)
    return open_graph(store.trust, name, graph.snapshot) is not None


def _add_graph(store: DiskStore, graph: GraphFile, engine: Mapping[str, Stamp]) -> bool:
    """Write a graph unless the cache has one with results under its name; True if it was written.

    A disk that refuses costs time only.
    """
    path = graph.name.path(store.root, engine)
    try:
        data = open_graph(store.trust, graph.name.identity(engine), read_regular(path))
    except OSError:
        data = None
    known = parse(data) if data is not None else None
    if known is not None and known.results is not None:
        return False
    return replace_file(path, (graph.snapshot,))
