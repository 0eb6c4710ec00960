"""Builds with reports for CI services."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from .invocation import Invocation, ci_service

if TYPE_CHECKING:
    from ..ci.annotations import Annotations
    from ..ci.reports import Report
    from ..types.request import Request


def add_report_options(parser: ArgumentParser) -> None:
    """Declare the options of reports for CI services."""
    parser.set_defaults(command=parser.prog)
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
    from .verbs.why import first_causes

    since = ("--since", options.since) if options.since else ()
    reports = Reports(
        invocation.root,
        " ".join((options.command, *options.patterns, *since)),
        options.junit,
        os.environ,
        lambda labels, keys: first_causes(invocation.root, labels, keys),
    )
    return reports.run(lambda: run(replace(request(), list_all=True), reports.listeners))
