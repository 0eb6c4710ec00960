"""Builds with reports for CI services."""

from __future__ import annotations

import os
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from .invocation import Invocation, ci_service

if TYPE_CHECKING:
    from ..ci.annotations import Annotations
    from ..ci.reports import Report
    from ..types.request import Request

_FIRST_CAUSES = {
    "first": "first run in this workspace",
    "rerun": "the cache no longer had its result",
    "forgotten": "it changed, but the cache no longer has its earlier key",
}


def add_report_options(parser: ArgumentParser) -> None:
    """Declare the options of reports for CI services."""
    parser.set_defaults(command=parser.prog)
    parser.add_argument(
        "--strict",
        action=BooleanOptionalAction,
        default=None,
        help='exit with code 1 if a gate is "not checked" (default in a CI job: CI, GITHUB_ACTIONS '
        "or GITLAB_CI is true)",
    )
    parser.add_argument(
        "--junit",
        default="",
        metavar="FILE",
        help="write a JUnit report: a case for each action (hit or ran), gate and error",
    )


def run_reported(
    invocation: Invocation,
    options: Namespace,
    request: Callable[[], Request],
    run: Callable[[Request, list[Report | Annotations]], int],
) -> int:
    """Run a build with the listeners that `--junit` and a CI service ask for.

    They also report an error that making the `request` raises.
    """
    if not options.junit and not ci_service(os.environ):
        return run(request(), [])
    from ..ci.reports import Reports

    since = ("--since", options.since) if options.since else ()
    reports = Reports(
        invocation.root,
        " ".join((options.command, *options.patterns, *since)),
        options.junit,
        os.environ,
        lambda labels, keys: first_causes(invocation.root, labels, keys),
    )
    return reports.run(lambda: run(replace(request(), list_all=True), reports.listeners))


def first_causes(root: str, labels: Collection[str], reran: Collection[str]) -> dict[str, str]:
    """Return the first cause of the last run of targets' actions, from the history alone.

    `reran` are the keys of the actions that ran. The targets are not analysed, which is slower.
    """
    from ..explain.key_rows import KeyHistory
    from ..explain.root_cause import explain_target
    from ..state.key_history import KeyRecorder
    from .verbs.why import format_cause, open_store

    history = KeyHistory(KeyRecorder(root).rows(), open_store(), None)
    causes: dict[str, str] = {}
    for label in labels:
        explanation = explain_target(history, label, [label], set(reran))
        if explanation is None:
            continue
        state = explanation.state
        if state == "changed":
            more = len(explanation.causes) - 1
            causes[label] = format_cause(explanation.causes[0]) + f" (and {more} more)" * bool(more)
        else:
            causes[label] = _FIRST_CAUSES[state]
    return causes
