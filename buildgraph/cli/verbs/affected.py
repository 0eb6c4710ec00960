"""`buildgraph affected --since REV`: which targets are not what they were at a revision, and why."""

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

_SHOWN = 3


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument(
        "patterns", nargs="*", metavar="PATTERN", help="only these targets (default: //...)"
    )
    parser.add_argument(
        "--since",
        required=True,
        metavar="REV",
        help="the revision of git to compare the work tree with; `main...` is where HEAD left main",
    )


def run(options: Namespace) -> int:
    """Print the labels that are affected, each with its reasons."""
    from ...explain.compare_revisions import affected_since

    here = Invocation.find()
    commit, found = affected_since(here.root, options.since)
    found = _chosen(here, options.patterns, found)
    if options.json:
        print_document(_plain(options.since, commit, found))
    else:
        print("".join(f"{line}\n" for line in _told(found)), end="")
    return OK


def _chosen(here: Invocation, words: Sequence[str], found: list[Affected]) -> list[Affected]:
    from ...types.label import Pattern

    if not words:
        return found
    patterns = [Pattern.parse(word, here.package) for word in words]
    start = all(pattern.negative for pattern in patterns)

    def wanted(one: Affected) -> bool:
        kept = start
        for pattern in patterns:
            if pattern.matches(one.label):
                kept = not pattern.negative
        return kept

    return [one for one in found if wanted(one)]


def _plain(since: str, commit: str, found: Sequence[Affected]) -> dict[str, Any]:
    """`labels` are those that can be built, for a matrix of CI; `affected` has every one with its reasons."""
    rows = [
        {
            "label": str(one.label),
            "change": one.change,
            "reasons": [asdict(reason) for reason in one.reasons],
            "chain": [str(label) for label in one.chain],
            "before": one.before,
        }
        for one in found
    ]
    return {
        "since": since,
        "commit": commit,
        "labels": [row["label"] for row in rows if row["change"] != "gone"],
        "affected": rows,
    }


def _told(found: Sequence[Affected]) -> Iterator[str]:
    wide = max((len(str(one.label)) for one in found), default=0)
    own = {
        one.label: [_words(reason) for reason in one.reasons if reason.kind != "dep"]
        for one in found
    }
    for one in found:
        yield f"{one.label!s:<{wide}}  {_why(one, own[one.label], own.get(one.chain[-1], []) if one.chain else [])}"


def _why(one: Affected, own: list[str], root: list[str]) -> str:
    match one.change:
        case "new":
            return "is new"
        case "renamed":
            return f"was {one.before}"
        case "gone":
            return f"is gone: now {one.before}" if one.before else "is gone"
    if own:
        more = [f"and {len(own) - _SHOWN} more"] if len(own) > _SHOWN else []
        return ", ".join([*own[:_SHOWN], *more])
    chain = ", which needs ".join(str(label) for label in one.chain[1:])
    return f"needs {chain}" + (f": {root[0]}" if root else "")


def _words(reason: AffectedReason) -> str:
    from ...ui.format import strip_controls

    state = "is new" if not reason.before else "is gone" if not reason.after else "changed"
    match reason.kind:
        case "value" if (
            len(reason.before) + len(reason.after) < 80 and reason.before and reason.after
        ):
            return strip_controls(f"{reason.what}: {reason.before} -> {reason.after}")
        case "base":
            return strip_controls(reason.what)
        case "rule" if reason.before or reason.after:
            same = reason.before == reason.after
            return (
                f"the rule {reason.what} makes other actions"
                if same
                else f"rule: {reason.before} -> {reason.after}"
            )
        case "source" | "tool":
            return strip_controls(f"{reason.kind} {reason.what} {state}")
    return strip_controls(f"{reason.what} {state if reason.kind != 'rule' else 'changed'}")
