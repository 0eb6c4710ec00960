"""Graphs that leave the machine: a snapshot without its host, and what it belongs to.

    buildgraph graph 1\\n
    <bytes of the head>\\n
    <head: version, Python, SHA-256 of the engine, BUILD.toml, package, words ...><snapshot>

A cache finds a graph by a name that depends on time stamps of its machine. `GraphFile` has the
content that these stamps stand for, so another machine with the same files can give the graph its
own name.
"""

from __future__ import annotations

from ..host.host_tools import HostTools
from ..lite import TYPE_CHECKING
from ..lite.pack import pack_strings, unpack_strings
from ..lite.record import Record
from .graph_cache import GraphName
from .snapshot import parse

if TYPE_CHECKING:
    from .snapshot import Snapshot

_MAGIC = b"buildgraph graph 1\n"


class GraphFile(Record):
    """A snapshot in bytes, its name, and the version of buildgraph and Python that made it."""

    engine: tuple[str, ...]
    name: GraphName
    snapshot: bytes

    def encode(self) -> bytes:
        """The bytes of a file."""
        head = pack_strings((*self.engine, self.name.toml, self.name.package, *self.name.words))
        return b"%b%d\n%b%b" % (_MAGIC, len(head), head, self.snapshot)


def decode_graph(data: bytes) -> GraphFile | None:
    """The graph of a file, or None if it is damaged or of another version."""
    size, separator, rest = data.removeprefix(_MAGIC).partition(b"\n")
    if not data.startswith(_MAGIC) or not separator or not size.isdigit() or len(size) > 12:
        return None
    try:
        *engine, toml, package = (words := unpack_strings(rest[: int(size)]))[:5]
        snapshot = rest[int(size) :]
        if parse(snapshot) is None:
            return None
    except (ValueError, KeyError, IndexError):
        return None
    return GraphFile(tuple(engine), GraphName(package, tuple(words[5:]), toml), snapshot)


def without_host(snapshot: Snapshot) -> bytes | None:
    """A snapshot with results, without paths and facts of this machine; None if it is damaged."""
    results = snapshot.results
    assert results is not None, "a graph without results has nothing of the machine"
    shipped = iter(results.strings("shipped"))
    encoded = snapshot.encode(
        {
            "facts": pack_strings(results.strings("facts")[:1]),
            "tools": pack_strings(HostTools.without_paths(results.strings("tools"))),
            "shipped": pack_strings(
                word for row in sorted(zip(shipped, shipped, shipped)) for word in row
            ),
        }
    )
    return None if encoded is None else b"".join(encoded[0])
