"""The comparison of two releases as text, with the names of observations and actions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..explain.parameter_changes import describe_tensor
from ..ui.format import format_size, plural
from .behaviour import BehaviourChange, DifferentStep
from .compare import KEPT, AgentChange, Behaviour, Size, TargetChange

_HISTORY = 3
_BELIEF = 5e-7  # probabilities that differ by less are equal in the three digits shown


def format_targets(changes: Iterable[TargetChange]) -> Iterator[str]:
    """Yield the lines on all targets. What an earlier target has in common is not repeated."""
    shown: dict[AgentChange, str] = {}
    for change in changes:
        yield from _format_target(change, shown)


def _format_target(change: TargetChange, shown: dict[AgentChange, str]) -> Iterator[str]:
    if change.state != KEPT:
        yield f"{change.label}: {change.state}"
        return
    if change.images[0] == change.images[1]:
        yield f"{change.label}: the image is equal" if change.images[0] else f"{change.label}:"
    else:
        yield f"{change.label}: {_short(change.images[0])} -> {_short(change.images[1])}"
    sizes = [size for size in change.sizes if size.before != size.after]
    yield from (f"  {_format_size(size)}" for size in sizes)
    for kind, rows in (("gate", change.gates), ("declared", change.limits)):
        yield from (
            f"  {kind} {name}: {before or 'nothing'} -> {after or 'nothing'}"
            for name, before, after in rows
        )
    for agent in change.agents:
        if agent in shown and agent.model is not None:
            yield f"  agent {agent.name}: as in {shown[agent]}"
            continue
        shown[agent] = change.label
        yield from (f"  {line}" for line in _format_agent(agent))
    if change.first_difference:
        yield f"  first difference: {change.first_difference}"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12] or "no image"


def _format_size(size: Size) -> str:
    before, after = ("nothing" if n is None else format_size(n) for n in (size.before, size.after))
    text = f"{size.name}: {before} -> {after}"
    if size.before is None or size.after is None:
        return text
    return f"{text} ({size.after - size.before:+d} bytes)"


def _format_agent(agent: AgentChange) -> Iterator[str]:
    if agent.state != KEPT:
        yield f"agent {agent.name}: {agent.state}"
        return
    model = agent.model
    yield f"agent {agent.name}: {'the model is equal' if model is None else 'the model differs'}"
    if model is not None:
        for parameter in model.parameters:
            yield f"  {parameter.name}: {parameter.before} -> {parameter.after}"
        for tensor in model.tensors:
            yield f"  {describe_tensor(tensor)}"
        if model.reshaped:
            yield "  shapes differ, so the entries of A, B, C, D, E have no counterparts"
    has_examples = False
    for behaviour in agent.behaviour:
        yield f"  {_format_behaviour(behaviour)}"
        if behaviour.change is not None and not has_examples:
            for step in behaviour.change.examples:
                has_examples = True
                yield from (f"    {line}" for line in _format_step(step, json.loads(agent.labels)))


def _format_behaviour(behaviour: Behaviour) -> str:
    where = f" on the probe set of {behaviour.probe}" if behaviour.probe else ""
    if behaviour.change is None:
        return f"behaviour{where}: not compared: {behaviour.why_not}"
    return f"behaviour{where}: {_summary(behaviour.change)}"


def _summary(change: BehaviourChange) -> str:
    belief = ""
    if change.belief is not None and change.belief > _BELIEF:
        belief = f"; beliefs differ by at most {change.belief:.3g}"
    if not change.different_states:
        return f"the same action in all {plural(change.states, 'state')}{belief}"
    return (
        f"another action in {change.different_states} of {plural(change.states, 'state')}, "
        f"in {change.different_episodes} of {plural(change.episodes, 'episode')}{belief}"
    )


def _format_step(step: DifferentStep, labels: Mapping[str, Any]) -> Iterator[str]:
    yield f"episode {step.episode}, step {step.step}:"
    start = max(0, len(step.seen) - _HISTORY)
    if start:
        yield f"  after {plural(start, 'earlier step')}"
    for number in range(start, len(step.seen)):
        line = f"  observed {_name(step.seen[number], labels, 'observations')}"
        if number < len(step.executed):
            line += f", did {_name(step.executed[number], labels, 'controls')}"
        yield line
    old, new = (_name(action, labels, "controls") for action in (step.before, step.after))
    yield f"  old: {old}   new: {new}"


def _name(values: Sequence[int], labels: Mapping[str, Any], kind: str) -> str:
    """Return values with the names of their axes, such as `seen=left, tone=2`."""
    return ", ".join(
        f"{axis['name'] or f'{kind[:-1]} {number}'}="
        f"{axis['elements'][value] if axis['elements'] else value}"
        for number, (axis, value) in enumerate(zip(labels[kind], values, strict=True))
    )
