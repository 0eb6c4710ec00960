"""What `cache gc` says: how much stays and for whose sake, what goes and why."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..keys.reapi import decode
from ..ui.format import format_size, plural, strip_controls

if TYPE_CHECKING:
    from ..store.gc import GcDecision, GcPlan

_SHOWN = 20
_WORDS = 60


def format_plan(sweep: GcPlan, now: float, freed: int, dry: bool) -> Iterator[str]:
    """The plan in lines: what stays by reason, what goes one by one, and the sum."""
    groups: dict[tuple[bool, str], list[GcDecision]] = defaultdict(list)
    for verdict in sweep.decisions:
        groups[verdict.keep, verdict.reason].append(verdict)
    for (stays, why), found in sorted(
        groups.items(), key=lambda group: (not group[0][0], group[0][1])
    ):
        weight = format_size(sum(verdict.size for verdict in found))
        yield f"{'keep' if stays else 'drop'}  {plural(len(found), 'result')}, {weight}: {why}"
        if not stays:
            yield from (_line(verdict, now) for verdict in found[:_SHOWN])
        if not stays and len(found) > _SHOWN:
            yield f"        and {len(found) - _SHOWN} more (--json lists all)"
    goes = sum(not verdict.keep for verdict in sweep.decisions)
    yield (
        f"{'would drop' if dry else 'dropped'} {plural(goes, 'result')} and {plural(len(sweep.blobs), 'file')}: "
        f"{format_size(freed)} {'would be ' if dry else ''}freed, {format_size(sweep.kept_bytes)} kept"
    )


def to_json(sweep: GcPlan, now: float) -> dict[str, Any]:
    """The same for programs."""
    return {
        "kept_bytes": sweep.kept_bytes,
        "blobs": len(sweep.blobs),
        "results": [
            {
                "key": os.path.basename(verdict.path),
                "stays": verdict.keep,
                "why": verdict.reason,
                "bytes": verdict.size,
                "unused_seconds": max(0, round(now - verdict.last_used)),
                "command": _command(verdict),
            }
            for verdict in sweep.decisions
        ],
    }


def _line(verdict: GcDecision, now: float) -> str:
    name = os.path.basename(verdict.path)[:12]
    unused = f"unused for {_span(now - verdict.last_used)}"
    return f"        {name}  {format_size(verdict.size):>10}  {unused}  {strip_controls(_command(verdict), _WORDS)}"


def _command(verdict: GcDecision) -> str:
    try:
        return " ".join(decode("Command", verdict.command)["arguments"])
    except ValueError:
        return ""


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"
