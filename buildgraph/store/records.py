"""The form of a result on disk: magic, SHA-256 of the body, body: a `Record` message that names its own key.

    "buildgraph result 2\\n" + 32 bytes + Record {key, result (REAPI ActionResult), sandbox, milliseconds, parts}

A record that is torn, flipped, swapped with another or of another form reads as None: a miss, never a wrong result.
"""
from __future__ import annotations

import hashlib

from ..digest import Digest
from ..model import File, Node, Result, Tree
from ..reapi import decode as message
from ..reapi import digest_fields, digest_of
from ..reapi import encode as bytes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MAGIC = b"buildgraph result 2\n"
_ANY, _HEAD = b"buildgraph result ", len(MAGIC) + 32


def encode(key: Digest, result: Result, parts: Mapping[str, bytes]) -> bytes:
    """The bytes of a record; the same result gives the same bytes."""
    files = [{"path": path, "digest": digest_fields(node.digest), "is_executable": node.executable}
             for path, node in result.outputs if isinstance(node, File)]
    folders = [{"path": path, "root_directory_digest": digest_fields(node.digest)}
               for path, node in result.outputs if isinstance(node, Tree)]
    body = bytes_of("Record", {
        "key": digest_fields(key), "sandbox": result.sandbox, "milliseconds": result.milliseconds,
        "result": {"output_files": files, "output_directories": folders, "stdout_digest": digest_fields(result.log)},
        "parts": [{"name": name, "data": data} for name, data in sorted(parts.items())]})
    return MAGIC + hashlib.sha256(body).digest() + body


def of_another_form(data: bytes) -> bool:
    """Whether a record is of a form that another version of buildgraph writes: no damage, and no use."""
    return data.startswith(_ANY) and not data.startswith(MAGIC)


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
        found = message("Record", body)
        given = found["result"]
        outputs = sorted([(file.get("path", ""), _file(file)) for file in given["output_files"]]
                         + [(folder.get("path", ""), _tree(folder)) for folder in given["output_directories"]], key=_path)
        result = Result(tuple(outputs), digest_of(given["stdout_digest"]), found.get("sandbox", ""),
                        found.get("milliseconds", 0))
        return digest_of(found["key"]), result, {part.get("name", ""): part.get("data", b"") for part in found["parts"]}
    except (ValueError, KeyError, RecursionError):
        return None


def _path(output: tuple[str, Node]) -> str:
    return output[0]


def _file(file: Mapping[str, Any]) -> Node:
    return File(digest_of(file["digest"]), bool(file.get("is_executable")))


def _tree(folder: Mapping[str, Any]) -> Node:
    return Tree(digest_of(folder["root_directory_digest"]))
