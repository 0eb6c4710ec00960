"""The form of a result on disk: magic, SHA-256 of the body, body. The body is canonical JSON and names its own key.

    "buildgraph result 1\\n" + 32 bytes + {"key": ..., "log": ..., "outputs": [...], "parts": {...}, ...}

A record that is torn, flipped, swapped with another or of a newer form reads as None: a miss, never a wrong result.
"""
from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from ..digest import Digest
from ..model import File, Node, Result, Tree

MAGIC = b"buildgraph result 1\n"
_HEAD = len(MAGIC) + 32


def encode(key: Digest, result: Result, parts: Mapping[str, bytes]) -> bytes:
    """The bytes of a record; the same result gives the same bytes."""
    body = json.dumps({
        "key": str(key),
        "log": str(result.log),
        "milliseconds": result.milliseconds,
        "outputs": [[path, *_node(node)] for path, node in result.outputs],
        "parts": {name: b64encode(data).decode("ascii") for name, data in parts.items()},
        "sandbox": result.sandbox,
    }, sort_keys=True, separators=(",", ":")).encode()
    return MAGIC + hashlib.sha256(body).digest() + body


def decode(key: Digest, data: bytes) -> tuple[Result, dict[str, bytes]] | None:
    """(result, parts) of a record written under `key`; None when it is damaged, foreign or of another key."""
    found = read(data)
    return found[1:] if found is not None and found[0] == key else None


def read(data: bytes) -> tuple[Digest, Result, dict[str, bytes]] | None:
    """(key, result, parts) of any record; None when it is damaged or foreign."""
    body = data[_HEAD:]
    if not data.startswith(MAGIC) or hashlib.sha256(body).digest() != data[len(MAGIC):_HEAD]:
        return None
    try:
        found = json.loads(body)
        outputs = tuple((str(path), _read(kind, rest)) for path, kind, *rest in found["outputs"])
        result = Result(outputs, Digest.parse(found["log"]), str(found["sandbox"]), int(found["milliseconds"]))
        parts = {name: b64decode(text, validate=True) for name, text in found["parts"].items()}
        return Digest.parse(found["key"]), result, parts
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _node(node: Node) -> list[Any]:
    if isinstance(node, File):
        return ["file", str(node.digest), node.executable]
    return ["tree", str(node.digest)]


def _read(kind: str, rest: list[Any]) -> Node:
    if kind == "file":
        digest, executable = rest
        return File(Digest.parse(digest), executable is True)
    if kind == "tree":
        (digest,) = rest
        return Tree(Digest.parse(digest))
    raise ValueError(f"no kind of output: {kind!r}")
