"""`buildgraph affected --since REV`: list the targets that differ from a git revision, and why."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...types.errors import OK
from ...ui.json_document import print_document
from ..invocation import Invocation

if TYPE_CHECKING:
    from ...explain.affected import Affected, AffectedReason

_MAX_REASONS = 3  # printed for a target
_MAX_VALUES = 80  # characters of both values together; longer ones are not printed


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument(
        "patterns", nargs="*", metavar="PATTERN", help="report only these targets (default: //...)"
    )
    parser.add_argument(
        "--since",
        required=True,
        metavar="REV",
        help="git revision to compare the work tree with; "
        "`main...` is the commit where HEAD branched off main",
    )


def run(options: Namespace) -> int:
    """Print the affected labels, each with its reasons."""
    from ...explain.compare_revisions import affected_since

    invocation = Invocation.find()
    commit, affected = affected_since(invocation.root, options.since)
    affected = _matching(invocation, options.patterns, affected)
    if options.json:
        print_document(_to_json(options.since, commit, affected))
    else:
        print("".join(f"{line}\n" for line in _format(affected)), end="")
    return OK


def _matching(
    invocation: Invocation, words: Sequence[str], affected: list[Affected]
) -> list[Affected]:
    """Keep the labels that the patterns select; the last pattern that matches a label decides."""
    from ...types.label import Pattern

    if not words:
        return affected
    patterns = [Pattern.parse(word, invocation.package) for word in words]
    default = all(pattern.negative for pattern in patterns)

    def is_selected(entry: Affected) -> bool:
        selected = default
        for pattern in patterns:
            if pattern.matches(entry.label):
                selected = not pattern.negative
        return selected

    return [entry for entry in affected if is_selected(entry)]


def _to_json(since: str, commit: str, affected: Sequence[Affected]) -> dict[str, Any]:
    """Build the JSON answer: `affected` has all labels, `labels` those that can be built."""
    rows = [
        {
            "label": str(entry.label),
            "change": entry.change,
            "reasons": [asdict(reason) for reason in entry.reasons],
            "chain": [str(label) for label in entry.chain],
            "before": entry.before,
        }
        for entry in affected
    ]
    return {
        "since": since,
        "commit": commit,
        "labels": [row["label"] for row in rows if row["change"] != "gone"],
        "affected": rows,
    }


def _format(affected: Sequence[Affected]) -> Iterator[str]:
    width = max((len(str(entry.label)) for entry in affected), default=0)
    own_reasons = {
        entry.label: [_format_reason(reason) for reason in entry.reasons if reason.kind != "dep"]
        for entry in affected
    }
    for entry in affected:
        root_reasons = own_reasons.get(entry.chain[-1], []) if entry.chain else []
        why = _format_change(entry, own_reasons[entry.label], root_reasons)
        yield f"{entry.label!s:<{width}}  {why}"


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
    from ...ui.format import strip_controls

    state = "is new" if not reason.before else "is gone" if not reason.after else "changed"
    is_short = len(reason.before) + len(reason.after) < _MAX_VALUES
    match reason.kind:
        case "value" if is_short and reason.before and reason.after:
            text = f"{reason.what}: {reason.before} -> {reason.after}"
        case "base":
            text = reason.what
        case "rule" if not reason.before and not reason.after:
            text = f"{reason.what} changed"
        case "rule" if reason.before == reason.after:
            text = f"the rule {reason.what} declares other actions"
        case "rule":
            text = f"rule: {reason.before} -> {reason.after}"
        case "source" | "tool":
            text = f"{reason.kind} {reason.what} {state}"
        case _:
            text = f"{reason.what} {state}"
    return strip_controls(text)
