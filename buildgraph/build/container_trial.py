"""Carry out the plans of gates `container`, and keep their evidence by image, limits and daemon."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from ..execution.gate_evidence import parse_evidence, read_evidence

if TYPE_CHECKING:
    from ..execution.executor import Attempt
    from ..state.request_graph import RequestedGate

VERSION = 1
"""Version of the checks; a change makes earlier evidence invalid."""


def carry_out(attempt: Attempt, gate: RequestedGate, evidence: bytes, path: str) -> bytes:
    """Return the evidence of a gate whose action only planned it; any other is returned as it is.

    Evidence in the file `path` is used again if it passed for the same plan and the same version of
    Docker. A verdict that is not "passed" is never kept.
    """
    document = parse_evidence(evidence) if b'"plan"' in evidence else None
    if document is None or document["gate"] != "container" or "plan" not in document:
        return evidence
    from pathlib import Path

    from ..docker.container_gate import docker_version, try_container

    key = _key(evidence, docker_version())
    kept = read_evidence(path)
    earlier = parse_evidence(kept)
    if earlier and (earlier.get("key"), earlier["verdict"]) == (key, "passed"):
        return kept
    package, _, name = gate.label.lstrip("/").partition(":")
    image = Path(attempt.root, "out", package, name, "image")
    result = try_container(image, document, attempt.cancel.is_set) | {"key": key}
    return (json.dumps(result, indent=1, sort_keys=True) + "\n").encode()


def _key(planned: bytes, docker: str) -> str:
    return sha256(b"%d\0%s\0%s" % (VERSION, docker.encode(), planned)).hexdigest()
