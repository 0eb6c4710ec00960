"""Text of `affected`: the labels with their reasons, their actions, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..explain.affected import Affected, AffectedReason
from ..explain.affected_actions import ActionForecast
from ..types.label import Label
from ..ui.format import format_seconds, plural, strip_controls

_MAX_REASONS = 3  # printed for a target
_MAX_VALUES = 80  # characters of both values together; longer ones are not printed


def format_affected(
    affected: Sequence[Affected], actions: Mapping[Label, Sequence[str]]
) -> Iterator[str]:
    """Yield a line for each label with its reasons, and below it the lines of its actions."""
    width = max((len(str(entry.label)) for entry in affected), default=0)
    own_reasons = {
        entry.label: [_format_reason(reason) for reason in entry.reasons if reason.kind != "dep"]
        for entry in affected
    }
    for entry in affected:
        root_reasons = own_reasons.get(entry.chain[-1], []) if entry.chain else []
        why = _format_change(entry, own_reasons[entry.label], root_reasons)
        yield f"{entry.label!s:<{width}}  {why}"
        yield from (f"    {line}" for line in actions.get(entry.label, ()))


def _format_change(entry: Affected, own_reasons: list[str], root_reasons: list[str]) -> str:
    match entry.change:
        case "new":
            return "is new"
        case "renamed":
            return f"was {entry.before}"
        case "gone":
            return f"is gone: now {entry.before}" if entry.before else "is gone"
    if own_reasons:
        count = len(own_reasons) - _MAX_REASONS
        more = [f"and {count} more"] if count > 0 else []
        return ", ".join([*own_reasons[:_MAX_REASONS], *more])
    chain = ", which needs ".join(str(label) for label in entry.chain[1:])
    return f"needs {chain}" + (f": {root_reasons[0]}" if root_reasons else "")


def _format_reason(reason: AffectedReason) -> str:
    state = "is new" if not reason.before else "is gone" if not reason.after else "changed"
    is_short = len(reason.before) + len(reason.after) < _MAX_VALUES
    match reason.kind:
        case "value" if is_short and reason.before and reason.after:
            text = f"{reason.what}: {reason.before} -> {reason.after}"
        case "base":
            text = reason.what
        case "board" if is_short:
            text = f"board {reason.what}: {reason.before or 'none'} -> {reason.after or 'none'}"
        case "rule" if not reason.before and not reason.after:
            text = f"{reason.what} changed"
        case "rule" if reason.before == reason.after:
            text = f"the rule {reason.what} declares other actions"
        case "rule":
            text = f"rule: {reason.before} -> {reason.after}"
        case "source" | "tool" | "board":
            text = f"{reason.kind} {reason.what} {state}"
        case _:
            text = f"{reason.what} {state}"
    return strip_controls(text)


def format_actions(forecast: ActionForecast) -> dict[Label, list[str]]:
    """Return the lines of the actions that each label declares."""
    return {
        label: [_format_action(forecast, number) for number in numbers]
        for label, numbers in forecast.of_labels().items()
    }


def _format_action(forecast: ActionForecast, number: int) -> str:
    entry, milliseconds = forecast.actions[number], forecast.milliseconds[number]
    took = f"  {format_seconds(milliseconds)}" if milliseconds is not None else ""
    count = f" ({entry.ordinal})" if entry.ordinal > 1 else ""
    return f"{entry.outcome:<7}  {strip_controls(entry.action.title)}{count}{took}"


def format_summary(labels: int, forecast: ActionForecast) -> str:
    """Return a line with the number of labels, the actions by outcome, and the predicted time."""
    counts = forecast.counts()
    parts = [
        f"{counts[outcome]} {word}"
        for outcome, word in (
            ("run", "will run"),
            ("may run", "may run"),
            ("shared", "shared"),
            ("hit", "in the cache"),
            ("blocked", "blocked by a missing tool"),
        )
        if outcome in counts
    ]
    line = f"{plural(labels, 'affected target')}; actions: {', '.join(parts) or 'none'}"
    if any(entry.runs for entry in forecast.actions):
        line += f"; about {format_seconds(forecast.predicted_ms)}"
    if forecast.without_duration:
        line += f", and {plural(forecast.without_duration, 'action')} without a remembered duration"
    return line
