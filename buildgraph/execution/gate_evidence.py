"""Evidence of gates: what their programs wrote, and the verdict that it gives.

Evidence is a JSON object in an output `*.json` of a gate's action, with the keys `schema` (1),
`gate`, `verdict` and `checks` (`rules/tools/readiness/evidence.py`). `tests` has rows [FILE, CLASS,
TEST, OUTCOME] or also MESSAGE. An action that fails leaves its evidence here, but no result. Exit
code 75 means that the gate has not failed, and that its verdict depends on this host or on chance:
it is reported, and the gate runs again in every build.
"""

from __future__ import annotations

import os

from ..files.regular_file import open_regular, read_regular
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.record import Record
from ..types.result import File

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..sandbox.job import Outcome
    from ..store.protocol import Store
    from ..types.action import Out
    from ..types.digest import Digest
    from ..types.result import Result

UNCACHED = 75
"""Exit code of a gate whose verdict holds for this build only."""
_MOST = 4 << 20  # bytes of evidence
_END_OF_PASSED = b'"verdict": "passed"\n}\n'  # as the shipped tools write it, with sorted keys


class GateEvidence(Record):
    """Evidence that is no record: the exit code and the milliseconds of the gate's program."""

    data: bytes
    code: int
    milliseconds: int


def is_uncached(evidence: GateEvidence | None) -> bool:
    """True for a gate that has not failed and whose outputs are not kept for other builds."""
    return (
        evidence is not None
        and evidence.code == UNCACHED
        and verdict_of(evidence.data)[0] != "failed"
    )


def left_evidence(outcome: Outcome, out: str, outputs: Sequence[Out]) -> GateEvidence | None:
    """The evidence among the outputs that an action left below `out`, if its program ended."""
    for output in outputs if outcome.ended == "exit" else ():
        data = _read(out, output)
        if data:
            return GateEvidence(data, outcome.code, outcome.milliseconds)
    return None


def _read(out: str, output: Out) -> bytes:
    if output.path.endswith(".json") and not output.tree:
        with suppress(OSError):
            with open(open_regular(os.path.join(out, output.path)), "rb") as file:
                data = file.read(_MOST + 1)
            if len(data) <= _MOST and parse_evidence(data) is not None:
                return data
    return b""


def evidence_of(result: Result, store: Store) -> bytes:
    """The evidence among the outputs of a result, or nothing. Missing if the store has lost it."""
    return evidence_in(result, store.read)


def evidence_in(result: Result, read: Callable[[Digest], bytes]) -> bytes:
    """The evidence among the outputs of a result whose blobs a function reads, or nothing."""
    for path, node in result.outputs:
        if path.endswith(".json") and isinstance(node, File) and node.digest.size <= _MOST:
            data = read(node.digest)
            if data.endswith(_END_OF_PASSED) or parse_evidence(data) is not None:
                return data
    return b""


def read_evidence(path: str) -> bytes:
    """The evidence in a file, or nothing."""
    with suppress(OSError):
        data = read_regular(path)
        if parse_evidence(data) is not None:
            return data
    return b""


def parse_evidence(data: bytes) -> dict[str, Any] | None:
    """The document of evidence; None for anything else."""
    if not data.startswith(b"{"):
        return None
    import json

    try:
        document = json.loads(data)
        checks = document["checks"]
        is_sound = (
            document["schema"] == 1
            and document["verdict"] in ("passed", "failed", "not checked")
            and all(isinstance(check["name"], str) and check["verdict"] for check in checks)
            and all(
                isinstance(row, list) and len(row) in (4, 5) for row in document.get("tests", ())
            )
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return document if is_sound else None


def verdict_of(data: bytes) -> tuple[str, str]:
    """The verdict of evidence, and the reason of its first check that has this verdict."""
    document = None if data.endswith(_END_OF_PASSED) else parse_evidence(data)
    if document is None or document["verdict"] == "passed":
        return "passed", ""
    checks = [check for check in document["checks"] if check["verdict"] == document["verdict"]]
    reasons = [f"{check['name']}: {check.get('why', '')}".splitlines()[0] for check in checks[:1]]
    more = f" (and {len(checks) - 1} more)" if len(checks) > 1 else ""
    return document["verdict"], "".join(reasons) + more
