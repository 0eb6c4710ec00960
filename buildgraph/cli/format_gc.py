"""Format the plan of `cache gc`: which results are kept or removed, and why."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..keys.reapi import decode
from ..ui.format import format_size, plural, strip_controls

if TYPE_CHECKING:
    from ..store.gc import GcDecision, GcPlan

_MAX_LISTED = 20  # removed results that are listed for each reason
_MAX_COMMAND = 60  # characters


def format_plan(plan: GcPlan, now: float, freed: int, dry_run: bool) -> Iterator[str]:
    """Yield lines: kept results by reason, removed results by reason and one by one, and totals."""
    groups: dict[tuple[bool, str], list[GcDecision]] = defaultdict(list)
    for decision in plan.decisions:
        groups[decision.keep, decision.reason].append(decision)
    for (keep, reason), decisions in sorted(
        groups.items(), key=lambda group: (not group[0][0], group[0][1])
    ):
        size = format_size(sum(decision.size for decision in decisions))
        verb = "keep" if keep else "remove"
        yield f"{verb:<6}  {plural(len(decisions), 'result')}, {size}: {reason}"
        if not keep:
            yield from (_format_decision(decision, now) for decision in decisions[:_MAX_LISTED])
        if not keep and len(decisions) > _MAX_LISTED:
            yield f"        and {len(decisions) - _MAX_LISTED} more (--json lists all)"
    removed = sum(not decision.keep for decision in plan.decisions)
    yield (
        f"{'would remove' if dry_run else 'removed'} {plural(removed, 'result')} "
        f"and {plural(len(plan.blobs), 'file')}: "
        f"{format_size(freed)} {'would be ' if dry_run else ''}freed, "
        f"{format_size(plan.kept_bytes)} kept"
    )


def to_json(plan: GcPlan, now: float) -> dict[str, Any]:
    """Return the plan for the JSON answer."""
    return {
        "kept_bytes": plan.kept_bytes,
        "blobs": len(plan.blobs),
        "results": [
            {
                "key": os.path.basename(decision.path),
                "stays": decision.keep,
                "why": decision.reason,
                "bytes": decision.size,
                "unused_seconds": max(0, round(now - decision.last_used)),
                "command": _format_command(decision),
            }
            for decision in plan.decisions
        ],
    }


def _format_decision(decision: GcDecision, now: float) -> str:
    name = os.path.basename(decision.path)[:12]
    unused = f"unused for {_format_age(now - decision.last_used)}"
    command = strip_controls(_format_command(decision), _MAX_COMMAND)
    return f"        {name}  {format_size(decision.size):>10}  {unused}  {command}"


def _format_command(decision: GcDecision) -> str:
    try:
        return " ".join(decode("Command", decision.command)["arguments"])
    except ValueError:
        return ""


def _format_age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"
