"""Verdicts of gates at the end of a build, and what "not checked" means for its exit code."""

from __future__ import annotations

import os

from ..execution.gate_evidence import evidence_of, parse_evidence, read_evidence, verdict_of
from ..execution.scheduler import StepState
from ..files.regular_file import replace_file
from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..types.digest import Digest
from ..types.events import Judged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..execution.executor import Executor
    from ..state.request_graph import RequestedGate
    from ..state.start import Start
    from ..types.events import Fault

FOLDER = ".buildgraph/gates"
CONTAINER = "container"
"""The gate whose action plans what Docker tries."""
_NOT_BUILT = "what it checks was not built"


class Judgement(Record):
    """The verdicts of all gates, in order.

    `open_gates` are those that are "not checked" and fail this build for it; `is_refused` says that
    one of them fails every build.
    """

    gates: Sequence[Judged]
    open_gates: Sequence[tuple[RequestedGate, Judged]]
    is_refused: bool


def judge_gates(start: Start, executor: Executor) -> Judgement:
    """Judge all gates; those that are not dirty keep the verdict of the last build.

    The evidence of the others is written below `.buildgraph/gates`, and that of all gates if the
    last build was in another checkout.
    """
    index = {number: at for at, number in enumerate(start.numbers)}
    last = start.unchanged.verdicts
    gates = list[Judged]()
    for number, gate in enumerate(start.gates):
        evidence = b""
        if gate.missing:
            verdict, why = "not checked", f"it needs {', '.join(gate.missing)}"
        elif gate.step in index:
            step = index[gate.step]
            evidence = _carried_out(start, gate, executor, _evidence(executor, step))
            verdict, why = _verdict(executor.plan.state[step], evidence)
            if evidence:
                _write(start.attempt.root, gate, evidence)
        elif last:
            verdict, why = last[2 * number], last[2 * number + 1]
            evidence = _last_evidence(start, gate)
            if evidence and start.manifest is None:  # the last build was in another checkout
                _write(start.attempt.root, gate, evidence)
        else:
            verdict, why = "not checked", _NOT_BUILT
        document = _document(evidence) if start.attempt.request.evidence else None
        judged = Judged(gate.label, gate.name, verdict, why, document)  # type: ignore[arg-type]
        gates.append(judged)
    return _judgement(start, gates)


def _judgement(start: Start, gates: Sequence[Judged]) -> Judgement:
    unchecked = [
        (gate, judged)
        for gate, judged in zip(start.gates, gates)
        if judged.verdict == "not checked" and judged.why != _NOT_BUILT
    ]
    is_strict = start.attempt.request.strict
    return Judgement(
        gates,
        [
            (gate, judged)
            for gate, judged in unchecked
            if gate.demand == "required" or (is_strict and not gate.demand)
        ],
        any(gate.demand == "required" for gate, _ in unchecked),
    )


def fault_events(start: Start, judgement: Judgement) -> list[Fault]:
    """The errors of the gates that had to be checked, each at its place in BUILD.toml."""
    from .unchecked_gates import fault_of

    return [fault_of(start.attempt.root, gate, judged) for gate, judged in judgement.open_gates]


def _evidence(executor: Executor, step: int) -> bytes:
    """The evidence of an action that ran or was a hit; nothing if it was not reached."""
    left = executor.evidence.get(step)
    if left is not None:
        return left.data
    result = executor.results.get(executor.steps.actions[step])
    return evidence_of(result, executor.host.store) if result is not None else b""


def has_container(start: Start) -> bool:
    """True if a gate tries the image in Docker."""
    return any(gate.name == CONTAINER for gate in start.gates)


def _carried_out(start: Start, gate: RequestedGate, executor: Executor, evidence: bytes) -> bytes:
    """Evidence of a container for one that only plans it. A verdict that Docker did not give, or
    that is not "passed", is not kept for the next build.
    """
    if gate.name != CONTAINER or not evidence or executor.cancel.is_set():
        return evidence
    from .container_trial import carry_out

    path = os.path.join(start.attempt.root, evidence_path(gate.label, gate.name))
    evidence = carry_out(start.attempt, gate, evidence, path)
    if verdict_of(evidence)[0] != "passed":
        executor.has_uncached = True
    return evidence


def _last_evidence(start: Start, gate: RequestedGate) -> bytes:
    """The evidence of a gate that is not dirty, if it is reported or not yet in the workspace."""
    is_wanted = start.attempt.request.evidence or start.manifest is None
    if not is_wanted or start.snapshot is None or gate.step is None:
        return b""
    if gate.name == CONTAINER:
        return read_evidence(os.path.join(start.attempt.root, evidence_path(gate.label, gate.name)))
    records = start.snapshot.records([gate.step])
    store = start.attempt.host.store
    result = store.recall(Digest.parse(records[0].key)) if records else None
    return evidence_of(result, store) if result is not None else b""


def _verdict(state: int, evidence: bytes) -> tuple[str, str]:
    """The verdict of a gate, and the reason, from the state of its action and its evidence."""
    if state == StepState.DONE:
        return verdict_of(evidence) if evidence else ("passed", "")
    if state == StepState.FAILED:
        verdict, why = verdict_of(evidence) if evidence else ("", "")
        return "failed", why if verdict == "failed" else "its log is printed above"
    return "not checked", _NOT_BUILT


def _document(evidence: bytes) -> dict[str, Any] | None:
    return parse_evidence(evidence) if evidence else None


def _write(root: str, gate: RequestedGate, evidence: bytes) -> None:
    replace_file(os.path.join(root, evidence_path(gate.label, gate.name)), (evidence,))


def evidence_path(label: str, gate: str) -> str:
    """The path of a gate's evidence in the workspace, such as `exports/jetson/fitness.json`."""
    folder = label.lstrip("/").replace(":", "/").lstrip("/")
    name = gate.strip("/").replace("/", ".").replace(":", ".")
    return f"{FOLDER}/{folder}/{name}.json"
