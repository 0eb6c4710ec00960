"""`buildgraph affected --since REV`: list the targets that a change affects, and their actions."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from ..invocation import Invocation

if TYPE_CHECKING:
    from ...explain.affected import Affected
    from ...explain.affected_actions import ActionForecast
    from ...explain.compare_revisions import Comparison

_EPILOG = """\
Each line is a target with the reasons why it differs from the revision. The last line, on stderr,
predicts what `build --since REV` would do, without running anything:

  run      no result in the cache has the key of the action
  may run  an input is made by an action that runs; if it comes out equal, this is a hit
  hit      the cache has the result
  shared   an equal action runs
  blocked  a program or a distribution is missing here

The times are those that the actions took before."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.epilog = _EPILOG
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
    parser.add_argument(
        "--actions", action="store_true", help="also print the actions of each target"
    )
    parser.add_argument(
        "--sandbox",
        choices=("namespaces", "landlock", "none"),
        default="",
        help="predict a build with this sandbox (default: the strongest that works)",
    )
    parser.add_argument(
        "--output",
        choices=("github", "gitlab", "json"),
        default="",
        help="print CI jobs that build the affected targets: outputs of a GitHub job with "
        "matrices, a GitLab child pipeline, or JSON",
    )
    parser.add_argument(
        "--shards", type=int, default=4, metavar="N", help="jobs of a stage, 1 to 256 (default: 4)"
    )
    parser.add_argument(
        "--stages",
        type=int,
        default=1,
        metavar="N",
        help="stages of jobs, 1 to 4 (default: 1); a stage uses results of the stages before it",
    )


def run(options: Namespace) -> int:
    """Print the affected labels, each with its reasons."""
    from ...explain.compare_revisions import compare_revision
    from ..since import forecast_of

    _check(options)
    invocation = Invocation.find()
    comparison = compare_revision(invocation.root, options.since)
    affected = _matching(invocation, options.patterns, comparison.affected)
    forecast = forecast_of(invocation, comparison, affected, options.sandbox)
    if options.output:
        _print_jobs(options, comparison, forecast)
    elif options.json:
        print_document(_to_json(options.since, comparison, affected, forecast))
    else:
        _print(affected, forecast, options.actions)
    return OK


def _check(options: Namespace) -> None:
    for name, value, most in (("shards", options.shards, 256), ("stages", options.stages, 4)):
        if not 1 <= value <= most:
            raise BuildError(
                f"--{name}={value}: not a number from 1 to {most}",
                fix="a GitHub matrix has at most 256 jobs"
                if name == "shards"
                else "use --stages=2",
                reason="usage",
            )


def _print_jobs(options: Namespace, comparison: Comparison, forecast: ActionForecast) -> None:
    from ...explain.shards import divide, units_of
    from ..format_jobs import format_github, format_gitlab, format_jobs

    units = units_of(forecast, comparison.now.analysis.order)
    jobs = divide(units, options.shards, options.stages)
    match options.output:
        case "github":
            print("\n".join(format_github(jobs)))
        case "gitlab":
            print(format_gitlab(jobs))
        case _:
            print_document(
                {
                    "since": options.since,
                    "commit": comparison.commit,
                    **format_jobs(jobs),
                    "predicted": _predicted(forecast),
                }
            )


def _print(affected: Sequence[Affected], forecast: ActionForecast, actions: bool) -> None:
    from ..format_affected import format_actions, format_affected, format_summary

    lines = format_affected(affected, format_actions(forecast) if actions else {})
    print("".join(f"{line}\n" for line in lines), end="")
    if affected:
        print(format_summary(len(affected), forecast), file=sys.stderr)


def _matching(
    invocation: Invocation, words: Sequence[str], affected: Sequence[Affected]
) -> list[Affected]:
    """Keep the labels that the patterns select; the last pattern that matches a label decides."""
    from ...types.label import Pattern

    if not words:
        return list(affected)
    patterns = [Pattern.parse(word, invocation.package) for word in words]
    default = all(pattern.negative for pattern in patterns)

    def is_selected(entry: Affected) -> bool:
        selected = default
        for pattern in patterns:
            if pattern.matches(entry.label):
                selected = not pattern.negative
        return selected

    return [entry for entry in affected if is_selected(entry)]


def _to_json(
    since: str, comparison: Comparison, affected: Sequence[Affected], forecast: ActionForecast
) -> dict[str, Any]:
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
        "commit": comparison.commit,
        "labels": [row["label"] for row in rows if row["change"] != "gone"],
        "affected": rows,
        "actions": list(_action_rows(forecast)),
        "predicted": _predicted(forecast),
    }


def _predicted(forecast: ActionForecast) -> dict[str, int]:
    return {
        **{name.replace(" ", "_"): count for name, count in sorted(forecast.counts().items())},
        "milliseconds": forecast.predicted_ms,
        "without_duration": forecast.without_duration,
    }


def _action_rows(forecast: ActionForecast) -> Iterator[dict[str, Any]]:
    for entry, milliseconds in zip(forecast.actions, forecast.milliseconds):
        yield {
            "label": str(entry.action.owner),
            "title": entry.action.title,
            "place": entry.ordinal,
            "outcome": entry.outcome,
            "key": entry.key if entry.outcome in ("run", "hit") else "",
            "milliseconds": milliseconds,
        }
