"""The form of a result on disk: what REAPI's ActionResult says, in words that are read in a moment, and the messages.

    "buildgraph result 3\\n", SHA-256 of the rest, 4 bytes: length of the head, head, the parts one after the other
    head: key, log, sandbox, milliseconds, count, (path, "file" | "program" | "tree", digest) ..., (part, length) ...

The words of the head stand between NULs. A record that is torn, flipped, swapped with another or of another form reads as
None: a miss, never a wrong result.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.sha256 import sha256
from ..types.digest import Digest
from ..types.result import File, Node, Result, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"buildgraph result 3\n"
_ANY, _START = b"buildgraph result ", len(MAGIC) + 32


def encode(key: Digest, result: Result, parts: Mapping[str, bytes]) -> bytes:
    """The bytes of a record; the same result gives the same bytes. ValueError on a name that holds NUL."""
    words = [
        str(key),
        str(result.log),
        result.sandbox,
        str(result.milliseconds),
        str(len(result.outputs)),
    ]
    for path, node in result.outputs:
        words += (path, _kind(node), str(node.digest))
    named = sorted(parts.items())
    for name, data in named:
        words += (name, str(len(data)))
    head = "\0".join(words).encode("utf-8", "surrogateescape")
    if head.count(b"\0") != len(words) - 1:
        raise ValueError("a name that holds NUL")
    body = b"".join((len(head).to_bytes(4, "big"), head, *(data for _, data in named)))
    return MAGIC + sha256(body).digest() + body


def is_other_version(data: bytes) -> bool:
    """Whether a record is of a form that another version of buildgraph writes: no damage, and no use."""
    return data.startswith(_ANY) and not data.startswith(MAGIC)


def decode(key: Digest, data: bytes) -> tuple[Result, dict[str, bytes]] | None:
    """(result, parts) of a record written under `key`; None when it is damaged, foreign or of another key."""
    found = read(data)
    return found[1:] if found is not None and found[0] == key else None


def read(data: bytes) -> tuple[Digest, Result, dict[str, bytes]] | None:
    """(key, result, parts) of any record; None when it is damaged or foreign."""
    if (
        not data.startswith(MAGIC)
        or sha256(memoryview(data)[_START:]).digest() != data[len(MAGIC) : _START]
    ):
        return None
    try:
        at = _START + 4 + int.from_bytes(data[_START : _START + 4], "big")
        key, log, sandbox, took, count, *rest = (
            data[_START + 4 : at].decode("utf-8", "surrogateescape").split("\0")
        )
        end = 3 * int(count)
        outputs = tuple((rest[of], _node(rest[of + 1], rest[of + 2])) for of in range(0, end, 3))
        parts = {}
        for name, size in zip(rest[end::2], rest[end + 1 :: 2], strict=True):
            parts[name] = data[at : at + int(size)]
            at += int(size)
        return Digest.parse(key), Result(outputs, Digest.parse(log), sandbox, int(took)), parts
    except (ValueError, IndexError):
        return None


def _kind(node: Node) -> str:
    return "tree" if isinstance(node, Tree) else "program" if node.executable else "file"


def _node(kind: str, digest: str) -> Node:
    found = Digest.parse(digest)
    return Tree(found) if kind == "tree" else File(found, kind == "program")
