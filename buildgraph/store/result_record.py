"""Format of a result on disk: the fields of REAPI's ActionResult, and the messages of its key.

    "buildgraph result 3\\n", SHA-256 of the rest, 4 bytes: length of the head, head, parts in order
    head: key, log, sandbox, milliseconds, count, (path, "file" | "program" | "tree", digest) ...,
          (part, length) ...

The words of the head are separated by NUL. A record that is truncated, has a flipped bit, belongs
to another key or has another version decodes as None: a cache miss, never a wrong result.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.sha256 import sha256
from ..types.digest import Digest
from ..types.result import File, Node, Result, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"buildgraph result 3\n"
_ANY_VERSION, _BODY = b"buildgraph result ", len(MAGIC) + 32


def encode(key: Digest, result: Result, parts: Mapping[str, bytes]) -> bytes:
    """Encode a record; equal results give equal bytes. ValueError when a name contains NUL."""
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
        raise ValueError("a name contains NUL")
    body = b"".join((len(head).to_bytes(4, "big"), head, *(data for _, data in named)))
    return MAGIC + sha256(body).digest() + body


def is_other_version(data: bytes) -> bool:
    """True for a record written by another version of buildgraph: not damaged, but not usable."""
    return data.startswith(_ANY_VERSION) and not data.startswith(MAGIC)


def decode(key: Digest, data: bytes) -> tuple[Result, dict[str, bytes]] | None:
    """Decode (result, parts) of a record of `key`; None when it is damaged or of another key."""
    record = decode_any(data)
    return record[1:] if record is not None and record[0] == key else None


def decode_any(data: bytes) -> tuple[Digest, Result, dict[str, bytes]] | None:
    """Decode (key, result, parts) of a record; None when it is damaged or of another version."""
    if (
        not data.startswith(MAGIC)
        or sha256(memoryview(data)[_BODY:]).digest() != data[len(MAGIC) : _BODY]
    ):
        return None
    try:
        at = _BODY + 4 + int.from_bytes(data[_BODY : _BODY + 4], "big")
        key, log, sandbox, milliseconds, count, *rest = (
            data[_BODY + 4 : at].decode("utf-8", "surrogateescape").split("\0")
        )
        end = 3 * int(count)
        outputs = tuple((rest[n], _node(rest[n + 1], rest[n + 2])) for n in range(0, end, 3))
        parts = {}
        for name, size in zip(rest[end::2], rest[end + 1 :: 2], strict=True):
            parts[name] = data[at : at + int(size)]
            at += int(size)
        result = Result(outputs, Digest.parse(log), sandbox, int(milliseconds))
        return Digest.parse(key), result, parts
    except (ValueError, IndexError):
        return None


def _kind(node: Node) -> str:
    return "tree" if isinstance(node, Tree) else "program" if node.executable else "file"


def _node(kind: str, digest: str) -> Node:
    parsed = Digest.parse(digest)
    return Tree(parsed) if kind == "tree" else File(parsed, kind == "program")
