"""Snapshots in the cache, found by content, so a clone of a workspace needs no analysis.

    <cache>/graphs/<name>   a snapshot (`snapshot.py`) without a journal

The name is the SHA-256 of the engine's files, the interpreter, the request and the root's
BUILD.toml. All other inputs of the analysis are listed in the graph and compared with the files of
the workspace.
"""

from __future__ import annotations

import os
import sys

from .. import __version__
from ..files.regular_file import read_regular, replace_file
from ..files.remove_tree import remove
from ..host.environment import engine_identity
from ..host.source_files import hash_file
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.record import Record
from ..lite.sha256 import sha256
from ..store.signed_record import open_graph, sign_graph
from ..types.digest import Digest
from .analysis_inputs import AnalysisInputs, analysis_inputs
from .request_graph import RequestGraph, decode_gates
from .snapshot import Snapshot, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..execution.executor import Attempt
    from ..files.stamp import Stamp

_FOLDER = "graphs"
_MOST = 64  # every edit of a BUILD.toml leaves one


class CachedGraph(Record, eq=False):
    """A snapshot of the cache that fits this workspace, and its path in the cache."""

    path: str
    snapshot: Snapshot
    inputs: AnalysisInputs


class GraphName(Record):
    """The name of a graph, besides the files of buildgraph and the interpreter.

    The package and the words of the request, and the SHA-256 of the BUILD.toml of the root.
    """

    package: str
    words: tuple[str, ...]
    toml: str

    def path(self, cache: str, engine: Mapping[str, Stamp]) -> str:
        """The path in a cache. `engine` are the stamps of buildgraph's own files."""
        parts = [__version__, sys.version, self.package, *self.words, self.toml]
        parts += [f"{path} {size} {mtime}" for path, (size, mtime, *_) in engine.items()]
        name = sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return os.path.join(cache, _FOLDER, name)

    def identity(self, engine: Iterable[str]) -> str:
        """The SHA-256 of all that determines the graph, wherever it is: the name that is signed.

        `engine` are the paths of buildgraph's own files.
        """
        parts = (*engine_identity(engine), self.package, *self.words, self.toml)
        return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def save_graph(attempt: Attempt, graph: RequestGraph) -> CachedGraph | None:
    """Save a graph that was just analysed; None if the graph cannot be read back.

    The name comes from the BUILD.toml that analysis read, which may differ from the file as it is
    now.
    """
    data = graph.encode()
    snapshot = parse(data)
    path = _name(attempt, graph.inputs.digests["BUILD.toml"].hash).path(
        attempt.host.store.root, attempt.host.engine
    )
    publish(attempt, path, (data,))
    return None if snapshot is None else CachedGraph(path, snapshot, graph.inputs)


def load_graph(attempt: Attempt) -> CachedGraph | None:
    """The snapshot of an equal request; None if an input of analysis or a program differs.

    None, too, if the workspace has trusted keys and none of them signed it.
    """
    host = attempt.host
    try:
        name = _name(attempt, hash_file(os.path.join(attempt.root, "BUILD.toml")).hash)
        path = name.path(host.store.root, host.engine)
        data = read_regular(path)
    except OSError:
        return None
    if host.store.trust is not None:
        content = open_graph(host.store.trust, name.identity(host.engine), data)
        if content is None:
            return None
        data = content
    snapshot = parse(data)
    if snapshot is None:
        return None
    graph, tools = snapshot.graph, host.tools
    inputs = analysis_inputs(attempt.root, *map(graph.strings, ("files", "folders", "texts")))
    if inputs is None:
        return None
    for gate in decode_gates(snapshot):
        if any((tools.find(name) is None) != (name in gate.missing) for name in gate.needs):
            return None
    return CachedGraph(path, snapshot, inputs)


def publish(attempt: Attempt, path: str, pieces: Iterable[bytes]) -> None:
    """Write a snapshot to the cache, signed if the build signs, and remove the oldest ones there.

    A signed snapshot is named by the BUILD.toml that its graph was analysed from.
    """
    trust = attempt.host.store.trust
    if trust is not None:
        data = b"".join(pieces)
        snapshot = parse(data)
        if snapshot is None:
            return
        name = _name(attempt, toml_of(snapshot))
        pieces = (sign_graph(trust, name.identity(attempt.host.engine), data),)
    if not replace_file(path, pieces):
        return
    with suppress(OSError):
        entries = sorted(
            os.scandir(os.path.dirname(path)),
            key=lambda entry: -entry.stat(follow_symlinks=False).st_mtime_ns,
        )
        for entry in entries[_MOST:]:
            remove(entry.path)


def toml_of(snapshot: Snapshot) -> str:
    """The SHA-256 of the BUILD.toml of the root that a graph was analysed from."""
    files = snapshot.graph.strings("files")
    return Digest.parse(dict(zip(files[::2], files[1::2]))["BUILD.toml"]).hash


def _name(attempt: Attempt, toml: str) -> GraphName:
    return GraphName(attempt.request.package, attempt.request.words, toml)
