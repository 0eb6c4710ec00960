"""Signatures of results in their records: the part `signature` signs all other parts.

The signed content is the record without that part, so nothing of a record can change.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.sha256 import sha256
from . import result_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..types.digest import Digest
    from ..types.result import Result
    from .protocol import Trust

PART = "signature"
_GRAPH_END = b"\nbuildgraph signature 1\n"


def encode_record(
    trust: Trust | None, key: Digest, result: Result, parts: Mapping[str, bytes]
) -> bytes:
    """Encode a record, with a signature if there is a key to sign with."""
    data = result_record.encode(key, result, parts)
    signature = trust.sign("result", str(key), sha256(data).hexdigest()) if trust else b""
    return result_record.encode(key, result, {**parts, PART: signature}) if signature else data


def is_trusted(
    trust: Trust | None, key: Digest, result: Result, parts: Mapping[str, bytes]
) -> bool:
    """True if a trusted key signed this record under this key, or if nothing needs a signature."""
    if trust is None:
        return True
    data = result_record.encode(key, result, without_signature(parts))
    content = sha256(data).hexdigest()
    return trust.accepts("result", str(key), content, parts.get(PART, b""))


def without_signature(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The messages of a record."""
    return {name: data for name, data in parts.items() if name != PART}


def sign_graph(trust: Trust | None, name: str, data: bytes) -> bytes:
    """Append the signature of a graph to its bytes. Readers of graphs ignore what follows them."""
    signature = trust.sign("graph", name, sha256(data).hexdigest()) if trust else b""
    return data + signature + bytes([len(signature)]) + _GRAPH_END if signature else data


def open_graph(trust: Trust | None, name: str, data: bytes) -> bytes | None:
    """The bytes of a graph without its signature; None if a signature is needed and not trusted."""
    if trust is None:
        return data
    content, signature = data, b""
    if data.endswith(_GRAPH_END):
        end = len(data) - len(_GRAPH_END) - 1
        size = data[end]
        content, signature = data[: end - size], data[end - size : end]
    return content if trust.accepts("graph", name, sha256(content).hexdigest(), signature) else None
