"""`buildgraph test PATTERN...`: build targets and report the verdicts of their gates."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from ..invocation import Invocation
from ..reported import add_report_options, run_reported
from .build import (
    add_build_options,
    add_since,
    choose_listeners,
    run_request,
    to_request,
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument(
        "patterns", nargs="*", metavar="PATTERN", help="targets whose gates are checked"
    )
    add_build_options(parser)
    add_since(parser)
    add_report_options(parser)


def run(options: Namespace) -> int:
    """Check the gates; 0 if none failed."""
    invocation = Invocation.find()
    listeners = choose_listeners(options, frozenset({"gates", "counts"}))
    return run_reported(
        invocation,
        options,
        lambda: replace(to_request(invocation, options), evidence=True),
        lambda request, reports: run_request(invocation, request, [*listeners, *reports]),
    )
